//! The rules again, as literally as they can be written, over plain JSON and without any thought of speed. Shares nothing
//! with the crate. It can make a mistake on purpose, so that a test of it can be tested.

use std::net::IpAddr;

use serde_json::Value;
use sluice_policy::Principal;

use crate::world::{Gate, World};

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    DenyCountsLess,
    ActionHasCase,
    NotActionIsAction,
    NotResourceIsResource,
    NotPrincipalIsPrincipal,
    NotPrincipalSparesItself,
    NoResourceWildcards,
    ValuesHaveWildcards,
    UnresolvedIsEmpty,
    DefaultIsIgnored,
    OldVersionHasVariables,
    IfExistsIsIgnored,
    AbsentNegatedFails,
    AbsentForAllFails,
    AbsentForAnyHolds,
    ForAllIsForAny,
    NegatedIsAnyOther,
    NullIsTurnedAround,
    LikeIsEquals,
    EqualsIgnoresCase,
    LessIsLessOrEqual,
    ArnWildcardsCrossColons,
    NetworksAreAddresses,
    AccountGrantIsDirect,
    RoleGrantIsDirect,
    DirectGrantIsLimited,
    EveryoneIsNotAnonymous,
    CrossAccountNeedsNoIdentity,
    CrossAccountNeedsNoResource,
    BoundaryIsIgnored,
    SessionIsIgnored,
    FederatedNeedsNoSession,
    EndpointIsIgnored,
    KeyIsOptional,
    KeyGrantIsIgnored,
    TrustIsOptional,
    RootNeedsIdentity,
}

impl Mistake {
    pub(crate) const ALL: [Self; 37] = [
        Self::DenyCountsLess,
        Self::ActionHasCase,
        Self::NotActionIsAction,
        Self::NotResourceIsResource,
        Self::NotPrincipalIsPrincipal,
        Self::NotPrincipalSparesItself,
        Self::NoResourceWildcards,
        Self::ValuesHaveWildcards,
        Self::UnresolvedIsEmpty,
        Self::DefaultIsIgnored,
        Self::OldVersionHasVariables,
        Self::IfExistsIsIgnored,
        Self::AbsentNegatedFails,
        Self::AbsentForAllFails,
        Self::AbsentForAnyHolds,
        Self::ForAllIsForAny,
        Self::NegatedIsAnyOther,
        Self::NullIsTurnedAround,
        Self::LikeIsEquals,
        Self::EqualsIgnoresCase,
        Self::LessIsLessOrEqual,
        Self::ArnWildcardsCrossColons,
        Self::NetworksAreAddresses,
        Self::AccountGrantIsDirect,
        Self::RoleGrantIsDirect,
        Self::DirectGrantIsLimited,
        Self::EveryoneIsNotAnonymous,
        Self::CrossAccountNeedsNoIdentity,
        Self::CrossAccountNeedsNoResource,
        Self::BoundaryIsIgnored,
        Self::SessionIsIgnored,
        Self::FederatedNeedsNoSession,
        Self::EndpointIsIgnored,
        Self::KeyIsOptional,
        Self::KeyGrantIsIgnored,
        Self::TrustIsOptional,
        Self::RootNeedsIdentity,
    ];
}

/// What applies to the request of one type of policies.
#[derive(Default, Clone, Copy)]
struct Said {
    denies: bool,
    /// To the account only.
    to_account: bool,
    /// To the role or user behind a session.
    to_role: bool,
    /// To the principal itself or to everyone; what an identity policy allows, too.
    direct: bool,
}

impl Said {
    fn allows(self) -> bool {
        self.to_account || self.to_role || self.direct
    }
}

/// Decides like `World::decide`, with a mistake if there is one.
pub(crate) fn decide(world: &World, mistake: Option<Mistake>) -> String {
    Naive { world, mistake }.decide()
}

struct Naive<'a> {
    world: &'a World,
    mistake: Option<Mistake>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Char(char),
    Star,
    Question,
}

impl Naive<'_> {
    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn decide(&self) -> String {
        let world = self.world;
        let optional = |policy: &Option<String>| policy.iter().cloned().collect::<Vec<_>>();
        let identity = self.said(&world.identity);
        let boundary = self.said(&optional(&world.boundary));
        let session = self.said(&world.session);
        let mut resource = self.said(&optional(&world.resource_policy));
        let endpoint = self.said(&optional(&world.endpoint));
        if world.gate == Gate::GrantedKey && !self.makes(Mistake::KeyGrantIsIgnored) {
            resource.to_role = true;
        }
        let (resource_deny, resource_name) = match world.gate {
            Gate::Trust => ("the role trust policy", "role trust policy"),
            Gate::Optional | Gate::Key | Gate::GrantedKey => {
                ("a resource-based policy", "resource-based policy")
            }
        };
        for (said, name) in [
            (identity, "an identity-based policy"),
            (boundary, "a permissions boundary"),
            (session, "a session policy"),
            (resource, resource_deny),
            (endpoint, "a VPC endpoint policy"),
        ] {
            if said.denies && !(self.makes(Mistake::DenyCountsLess) && said.allows()) {
                return format!("denied with an explicit deny in {name}");
            }
        }
        let no = |name: &str| format!("denied because no {name} allows it");
        let ignores_endpoint = self.makes(Mistake::EndpointIsIgnored);
        if world.endpoint.is_some() && !endpoint.allows() && !ignores_endpoint {
            return no("VPC endpoint policy");
        }
        let Some(account) = world.principal.account() else {
            return if resource.allows() { "allowed".to_owned() } else { no(resource_name) };
        };
        let is_own = account == world.owner;
        let is_gate = match world.gate {
            Gate::Optional => false,
            Gate::Key | Gate::GrantedKey => !self.makes(Mistake::KeyIsOptional),
            Gate::Trust => !self.makes(Mistake::TrustIsOptional),
        };
        let needs_resource =
            is_gate || (!is_own && !self.makes(Mistake::CrossAccountNeedsNoResource));
        if needs_resource && !resource.allows() {
            return no(resource_name);
        }
        let is_direct = resource.direct
            || (resource.to_role && self.makes(Mistake::RoleGrantIsDirect))
            || (resource.to_account && self.makes(Mistake::AccountGrantIsDirect));
        let counts_alone = is_own || self.makes(Mistake::CrossAccountNeedsNoIdentity);
        if is_direct && counts_alone && !self.makes(Mistake::DirectGrantIsLimited) {
            return "allowed".to_owned();
        }
        let is_root = matches!(world.principal, Principal::Root { .. })
            && !self.makes(Mistake::RootNeedsIdentity);
        let resource_suffices = counts_alone && (resource.to_role || is_direct);
        if !identity.allows() && !resource_suffices && !is_root {
            return no("identity-based policy");
        }
        let ignores_boundary = self.makes(Mistake::BoundaryIsIgnored);
        if world.boundary.is_some() && !boundary.allows() && !ignores_boundary {
            return no("permissions boundary");
        }
        let is_federated = matches!(world.principal, Principal::FederatedUser { .. })
            && !self.makes(Mistake::FederatedNeedsNoSession);
        let has_session = !world.session.is_empty() || is_federated;
        if has_session && !session.allows() && !self.makes(Mistake::SessionIsIgnored) {
            return no("session policy");
        }
        "allowed".to_owned()
    }

    fn said(&self, policies: &[String]) -> Said {
        let mut said = Said::default();
        for policy in policies {
            let policy: Value = serde_json::from_str(policy).expect("JSON");
            let is_new = policy.get("Version").is_some_and(|version| version == "2012-10-17");
            let has_variables = is_new || self.makes(Mistake::OldVersionHasVariables);
            for statement in list(&policy["Statement"]) {
                if !self.is_about_it(statement, has_variables) {
                    continue;
                }
                let to = self.to(statement);
                if statement["Effect"] == "Deny" {
                    said.denies |= to.allows();
                } else {
                    said.to_account |= to.to_account;
                    said.to_role |= to.to_role;
                    said.direct |= to.direct;
                }
            }
        }
        said
    }

    /// Action, resource and conditions.
    fn is_about_it(&self, statement: &Value, has_variables: bool) -> bool {
        let Some(unresolved) = self.has_unresolved(statement, has_variables) else {
            return false;
        };
        if unresolved && !self.makes(Mistake::UnresolvedIsEmpty) {
            return false;
        }
        let action = |pattern: &Value| {
            let fold = |text: &str| match self.makes(Mistake::ActionHasCase) {
                true => text.to_owned(),
                false => text.to_lowercase(),
            };
            let symbols = self.symbols(&fold(text(pattern)), false);
            like(&symbols, &chars(&fold(&self.world.action)))
        };
        let is_action = match (statement.get("Action"), statement.get("NotAction")) {
            (Some(actions), _) => list(actions).iter().any(|one| action(one)),
            (_, Some(actions)) => {
                list(actions).iter().any(|one| action(one))
                    == self.makes(Mistake::NotActionIsAction)
            }
            (None, None) => false,
        };
        let resource = |pattern: &Value| {
            if self.makes(Mistake::NoResourceWildcards) && pattern != "*" {
                return pattern == &self.world.resource;
            }
            like(&self.symbols(text(pattern), has_variables), &chars(&self.world.resource))
        };
        let is_resource = match (statement.get("Resource"), statement.get("NotResource")) {
            (Some(resources), _) => list(resources).iter().any(|one| resource(one)),
            (_, Some(resources)) => {
                let is_listed = list(resources).iter().any(|one| resource(one));
                is_listed == self.makes(Mistake::NotResourceIsResource)
            }
            (None, None) => true,
        };
        let conditions = statement.get("Condition").and_then(Value::as_object);
        let holds = conditions.into_iter().flatten().all(|(operator, keys)| {
            let keys = keys.as_object().expect("an object");
            keys.iter().all(|(key, values)| self.holds(operator, key, &list(values), has_variables))
        });
        is_action && is_resource && holds
    }

    /// Whether a variable without default has no value.
    fn has_unresolved(&self, statement: &Value, has_variables: bool) -> Option<bool> {
        if !has_variables {
            return Some(false);
        }
        let mut texts = Vec::new();
        for element in ["Resource", "NotResource"] {
            texts.extend(statement.get(element).into_iter().flat_map(list).map(scalar));
        }
        for (operator, keys) in
            statement.get("Condition").and_then(Value::as_object).into_iter().flatten()
        {
            if operator.contains("String") || operator.contains("Arn") {
                let keys = keys.as_object()?;
                texts.extend(keys.values().flat_map(list).map(scalar));
            }
        }
        let is_unresolved = |inside: &str| {
            let is_escape = ["*", "?", "$"].contains(&inside);
            !is_escape && !inside.contains(',') && self.value_of(inside).is_none()
        };
        Some(texts.iter().any(|text| {
            text.split("${").skip(1).any(|rest| is_unresolved(rest.split('}').next().expect("one")))
        }))
    }

    fn value_of(&self, key: &str) -> Option<String> {
        match self.values(key.trim())?.as_slice() {
            [value] => Some(value.clone()),
            _ => None,
        }
    }

    fn values(&self, key: &str) -> Option<Vec<String>> {
        let key = key.to_lowercase();
        if let Some(values) = self.world.context.0.get(&key) {
            return Some(values.clone());
        }
        let principal = &self.world.principal;
        let one = match (key.as_str(), principal) {
            ("aws:resourceaccount", _) => Some(self.world.owner.clone()),
            ("aws:principalaccount", _) => principal.account().map(str::to_owned),
            ("aws:principalarn", Principal::Root { account }) => {
                Some(format!("arn:aws:iam::{account}:root"))
            }
            ("aws:principalarn", Principal::User { arn, .. })
            | ("aws:principalarn", Principal::FederatedUser { arn, .. }) => Some((*arn).to_owned()),
            ("aws:principalarn", Principal::RoleSession { role_arn, .. }) => {
                Some((*role_arn).to_owned())
            }
            ("aws:principaltype", Principal::Root { .. }) => Some("Account".to_owned()),
            ("aws:principaltype", Principal::User { .. }) => Some("User".to_owned()),
            ("aws:principaltype", Principal::RoleSession { .. }) => Some("AssumedRole".to_owned()),
            ("aws:principaltype", Principal::FederatedUser { .. }) => {
                Some("FederatedUser".to_owned())
            }
            ("aws:principaltype", Principal::Anonymous) => Some("Anonymous".to_owned()),
            ("aws:principalisawsservice", Principal::Service { .. }) => Some("true".to_owned()),
            ("aws:principalisawsservice", _) => Some("false".to_owned()),
            ("aws:principalservicename", Principal::Service { name }) => Some((*name).to_owned()),
            ("aws:username", Principal::User { name, .. }) => Some((*name).to_owned()),
            ("aws:userid", Principal::Root { account }) => Some((*account).to_owned()),
            ("aws:userid", Principal::User { id, .. })
            | ("aws:userid", Principal::RoleSession { id, .. })
            | ("aws:userid", Principal::FederatedUser { id, .. }) => Some((*id).to_owned()),
            ("aws:userid", Principal::Anonymous) => Some("anonymous".to_owned()),
            _ => None,
        };
        one.map(|value| vec![value])
    }

    fn symbols(&self, pattern: &str, has_variables: bool) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            if has_variables && rest.starts_with("${") {
                let end = rest.find('}').expect("closed");
                let value = self.variable(&rest[2..end]);
                if self.makes(Mistake::ValuesHaveWildcards) {
                    symbols.extend(self.symbols(&value, false));
                } else {
                    symbols.extend(value.chars().map(Symbol::Char));
                }
                rest = &rest[end + 1..];
                continue;
            }
            symbols.push(match first {
                '*' => Symbol::Star,
                '?' => Symbol::Question,
                other => Symbol::Char(other),
            });
            rest = &rest[first.len_utf8()..];
        }
        symbols
    }

    fn variable(&self, inside: &str) -> String {
        if ["*", "?", "$"].contains(&inside) {
            return inside.to_owned();
        }
        let (key, default) = inside.split_once(',').unwrap_or((inside, "''"));
        let default = match self.makes(Mistake::DefaultIsIgnored) {
            true => String::new(),
            false => default.trim().trim_matches('\'').to_owned(),
        };
        self.value_of(key).unwrap_or(default)
    }

    fn holds(
        &self,
        operator: &str,
        key: &str,
        policy_values: &[&Value],
        has_variables: bool,
    ) -> bool {
        let given = self.values(key).filter(|values| !values.is_empty());
        if operator == "Null" {
            let is_absent = given.is_none() != self.makes(Mistake::NullIsTurnedAround);
            return policy_values.iter().any(|value| (scalar(value) == "true") == is_absent);
        }
        let if_exists = operator.ends_with("IfExists") && !self.makes(Mistake::IfExistsIsIgnored);
        let base = operator.rsplit(':').next().expect("one").trim_end_matches("IfExists");
        let is_negated = base.contains("Not");
        let Some(given) = given else {
            return match operator.split(':').next() {
                _ if if_exists => true,
                Some("ForAllValues") => !self.makes(Mistake::AbsentForAllFails),
                Some("ForAnyValue") => self.makes(Mistake::AbsentForAnyHolds),
                _ => is_negated && !self.makes(Mistake::AbsentNegatedFails),
            };
        };
        let positive = base.replace("Not", "");
        let matches = |value: &String, policy_value: &Value| {
            self.compare(&positive, value, &scalar(policy_value), has_variables)
        };
        let passes = |value: &String| match is_negated {
            true if self.makes(Mistake::NegatedIsAnyOther) => {
                policy_values.iter().any(|policy_value| !matches(value, policy_value))
            }
            true => policy_values.iter().all(|policy_value| !matches(value, policy_value)),
            false => policy_values.iter().any(|policy_value| matches(value, policy_value)),
        };
        if operator.starts_with("ForAllValues:") && !self.makes(Mistake::ForAllIsForAny) {
            given.iter().all(passes)
        } else if operator.starts_with("ForA") || !is_negated {
            given.iter().any(passes)
        } else {
            given.iter().all(passes)
        }
    }

    /// One value of the request with one of the policy, under an operator that is not negated.
    fn compare(
        &self,
        operator: &str,
        value: &str,
        policy_value: &str,
        has_variables: bool,
    ) -> bool {
        let symbols = || self.symbols(policy_value, has_variables);
        let literal = || {
            let star = |symbol| match symbol {
                Symbol::Char(char) => char,
                Symbol::Star => '*',
                Symbol::Question => '?',
            };
            symbols().into_iter().map(star).collect::<String>()
        };
        let number = |text: &str| text.parse::<f64>().ok().map(|number| (number * 1e3) as i64);
        match operator {
            "StringEquals" if self.makes(Mistake::EqualsIgnoresCase) => {
                value.to_lowercase() == literal().to_lowercase()
            }
            "StringEquals" => value == literal(),
            "StringLike" if self.makes(Mistake::LikeIsEquals) => value == literal(),
            "StringLike" => like(&symbols(), &chars(value)),
            "StringEqualsIgnoreCase" => value.to_lowercase() == literal().to_lowercase(),
            "ArnEquals" | "ArnLike" if self.makes(Mistake::ArnWildcardsCrossColons) => {
                like(&symbols(), &chars(value))
            }
            "ArnEquals" | "ArnLike" => arn_like(&symbols(), &chars(value)),
            "Bool" => {
                let (value, wanted) = (value.to_lowercase(), policy_value.to_lowercase());
                ["true", "false"].contains(&value.as_str()) && value == wanted
            }
            // The values of the tests are canonical.
            "BinaryEquals" => value == policy_value,
            "IpAddress" => self.is_in_network(value, policy_value),
            _ => match operator.strip_prefix("Numeric") {
                Some(order) => self.is_ordered(order, number(value), number(policy_value)),
                None => {
                    let order = operator.strip_prefix("Date").expect("the only one left");
                    self.is_ordered(order, instant(value), instant(policy_value))
                }
            },
        }
    }

    fn is_ordered(&self, order: &str, value: Option<i64>, policy_value: Option<i64>) -> bool {
        let (Some(value), Some(policy_value)) = (value, policy_value) else { return false };
        match order {
            "Equals" => value == policy_value,
            "LessThan" if self.makes(Mistake::LessIsLessOrEqual) => value <= policy_value,
            "LessThan" => value < policy_value,
            "LessThanEquals" => value <= policy_value,
            "GreaterThan" => value > policy_value,
            "GreaterThanEquals" => value >= policy_value,
            _ => panic!("no order {order}"),
        }
    }

    fn is_in_network(&self, value: &str, network: &str) -> bool {
        let Ok(value) = value.parse::<IpAddr>() else { return false };
        let (address, length) = network.split_once('/').unwrap_or((network, "128"));
        let address: IpAddr = address.parse().expect("an address");
        if self.makes(Mistake::NetworksAreAddresses) {
            return value == address;
        }
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => format!("{:032b}", u32::from(address)),
            IpAddr::V6(address) => format!("{:0128b}", u128::from(address)),
        };
        let (value_bits, bits) = (bits(value), bits(address));
        let length = length.parse::<usize>().expect("a number").min(bits.len());
        value_bits.len() == bits.len() && value_bits[..length] == bits[..length]
    }

    /// Whom of the principal's names a statement lists.
    fn to(&self, statement: &Value) -> Said {
        let not = statement.get("NotPrincipal");
        let Some(element) = statement.get("Principal").or(not) else {
            return Said { direct: true, ..Said::default() };
        };
        let mut listed: Vec<(String, String)> = Vec::new();
        match element {
            Value::Object(kinds) => {
                for (kind, names) in kinds {
                    listed.extend(list(names).iter().map(|name| (kind.clone(), scalar(name))));
                }
            }
            _ => listed.push(("AWS".to_owned(), "*".to_owned())),
        }
        let has = |kind: &str, name: &str| {
            listed.iter().any(|(listed_kind, listed)| listed_kind == kind && listed == name)
        };
        let has_account = |account: &str| {
            has("AWS", account) || has("AWS", &format!("arn:aws:iam::{account}:root"))
        };
        let (itself, behind, account) = match self.world.principal {
            Principal::Root { account } => (has_account(account), true, true),
            Principal::User { account, arn, id, .. } => {
                (has("AWS", arn) || has("AWS", id), true, has_account(account))
            }
            Principal::RoleSession { account, arn, role_arn, id } => {
                let role_id = id.split(':').next().expect("one");
                (has("AWS", arn), has("AWS", role_arn) || has("AWS", role_id), has_account(account))
            }
            Principal::FederatedUser { account, arn, user_arn, .. } => {
                (has("AWS", arn), has("AWS", user_arn), has_account(account))
            }
            Principal::WebIdentity { provider } => (has("Federated", provider), true, true),
            Principal::Service { name } => (has("Service", name), true, true),
            Principal::Anonymous => (false, true, true),
        };
        let is_single = matches!(
            self.world.principal,
            Principal::Root { .. }
                | Principal::User { .. }
                | Principal::WebIdentity { .. }
                | Principal::Service { .. }
                | Principal::Anonymous
        );
        let is_user = matches!(self.world.principal, Principal::User { .. });
        let is_lonely = is_single && !is_user;
        let is_anonymous = self.world.principal == Principal::Anonymous;
        let everyone =
            has("AWS", "*") && !(is_anonymous && self.makes(Mistake::EveryoneIsNotAnonymous));
        let said = Said {
            denies: false,
            direct: everyone || itself,
            to_role: !is_single && behind,
            to_account: !is_lonely && account,
        };
        if not.is_none() || self.makes(Mistake::NotPrincipalIsPrincipal) {
            return said;
        }
        let is_federated = matches!(self.world.principal, Principal::FederatedUser { .. });
        let spares_itself = itself && self.makes(Mistake::NotPrincipalSparesItself);
        let is_spared = match statement["Effect"] == "Deny" {
            true => everyone || spares_itself || (itself && (behind || is_federated) && account),
            false => said.allows(),
        };
        Said { direct: !is_spared, ..Said::default() }
    }
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        single => vec![single],
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn like(pattern: &[Symbol], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, first) => first.is_none(),
        (Some(Symbol::Star), _) => {
            like(&pattern[1..], text) || (!text.is_empty() && like(pattern, &text[1..]))
        }
        (Some(_), None) => false,
        (Some(Symbol::Question), Some(_)) => like(&pattern[1..], &text[1..]),
        (Some(Symbol::Char(wanted)), Some(char)) => {
            wanted == char && like(&pattern[1..], &text[1..])
        }
    }
}

fn arn_like(pattern: &[Symbol], text: &[char]) -> bool {
    let pattern: Vec<_> = pattern.splitn(6, |symbol| *symbol == Symbol::Char(':')).collect();
    let text: Vec<_> = text.splitn(6, |char| *char == ':').collect();
    pattern.len() == 6
        && text.len() == 6
        && pattern.iter().zip(&text).all(|(pattern, text)| like(pattern, text))
}

/// Seconds of the few dates that the properties use; the forms of dates have tests of their own.
fn instant(text: &str) -> Option<i64> {
    match text {
        "2026-01-01T00:00:00Z" | "2026" | "2026-01-01T01:00:00+01:00" => Some(1_767_225_600),
        "2026-01-02" => Some(1_767_312_000),
        other => other.parse().ok(),
    }
}
