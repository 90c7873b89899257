//! How keys are named: by id, ARN, alias or the ARN of an alias.

use uuid::Uuid;

use super::alias::Alias;
use super::error::KeyError;
use super::place::Place;

/// A key, as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyReference {
    /// By its id.
    Key {
        /// Where it is.
        place: Place,
        /// Its id.
        id: String,
    },
    /// By one of its aliases.
    Alias {
        /// Where it is.
        place: Place,
        /// With the prefix `alias/`.
        name: String,
    },
}

impl KeyReference {
    /// Reads what a caller in an account and region names a key by.
    ///
    /// # Errors
    /// [`KeyError::NotFound`], [`KeyError::InvalidArn`]
    pub fn parse(text: &str, caller: &Place) -> Result<Self, KeyError> {
        if !text.starts_with("arn:") {
            return Self::of_resource(text, text, caller.clone());
        }
        let invalid = || KeyError::InvalidArn(text.to_owned());
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_, _, "kms", region, account, resource] = parts[..] else { return Err(invalid()) };
        if region != caller.region {
            return Err(KeyError::NotFound(format!("Invalid arn {region}")));
        }
        let place = Place::new(account, region);
        match resource.strip_prefix("key/") {
            Some(id) => Self::of_resource(id, text, place),
            None if resource.starts_with(Alias::PREFIX) => {
                Ok(Self::Alias { place, name: resource.to_owned() })
            }
            None => Err(invalid()),
        }
    }

    fn of_resource(resource: &str, text: &str, place: Place) -> Result<Self, KeyError> {
        if resource.starts_with(Alias::PREFIX) && resource == text {
            return Ok(Self::Alias { place, name: resource.to_owned() });
        }
        if !is_key_id(resource) {
            return Err(KeyError::no_key_id(text));
        }
        Ok(Self::Key { place, id: resource.to_owned() })
    }

    /// Where what is named is.
    pub fn place(&self) -> &Place {
        let (Self::Key { place, .. } | Self::Alias { place, .. }) = self;
        place
    }

    /// The name of the alias, if it is one.
    pub fn alias(&self) -> Option<&str> {
        match self {
            Self::Key { .. } => None,
            Self::Alias { name, .. } => Some(name),
        }
    }

    /// Amazon resource name of what is named.
    pub fn arn(&self) -> String {
        match self {
            Self::Key { place, id } => place.arn(&format!("key/{id}")),
            Self::Alias { place, name } => place.arn(name),
        }
    }
}

/// Keys of several regions are no keys of this server, but what names them is an id.
fn is_key_id(text: &str) -> bool {
    let is_uuid = text.len() == 36 && Uuid::try_parse(text).is_ok();
    let of_regions = text.strip_prefix("mrk-");
    let is_digit = |byte: u8| byte.is_ascii_hexdigit();
    is_uuid || of_regions.is_some_and(|id| id.len() == 32 && id.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn parsed(text: &str) -> Result<String, String> {
        let caller = Place::new("111111111111", "eu-west-1");
        let reference = KeyReference::parse(text, &caller);
        reference.map(|it| it.arn()).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_named_by_id_arn_alias_or_the_arn_of_an_alias() {
        let arn = |account: &str, rest: &str| format!("arn:aws:kms:eu-west-1:{account}:{rest}");
        let of_key = format!("key/{ID}");
        assert_eq!(parsed(ID), Ok(arn("111111111111", &of_key)));
        assert_eq!(parsed("alias/a/b"), Ok(arn("111111111111", "alias/a/b")));
        for arn in [arn("222222222222", &of_key), arn("222222222222", "alias/x")] {
            assert_eq!(parsed(&arn), Ok(arn));
        }
        let of_regions = format!("mrk-{}", "0".repeat(32));
        assert_eq!(parsed(&of_regions), Ok(arn("111111111111", &format!("key/{of_regions}"))));
    }

    #[test]
    fn what_names_no_key_is_refused_in_the_words_of_aws() {
        let not_found = |text: &str, words: &str| assert_eq!(parsed(text), Err(words.to_owned()));
        not_found("x", "Invalid keyId 'x'");
        not_found(&ID[1..], &format!("Invalid keyId '{}'", &ID[1..]));
        not_found("arn:aws:kms:us-east-1:111111111111:alias/x", "Invalid arn us-east-1");
        for text in ["arn:aws:sqs:eu-west-1:111111111111:q", "arn:aws:kms:eu-west-1:1:grant/x"] {
            assert!(parsed(text).is_err_and(|error| error.contains("not an ARN")), "{text}");
        }
        assert!(parsed("arn:aws:kms:eu-west-1:1:key/alias/x").is_err());
    }
}
