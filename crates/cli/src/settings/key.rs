//! The table of settings: one row each, with its name, meaning and parser.
//!
//! `http.body_bytes_max` in the file is `--http-body-bytes-max` on the command line and `SLUICE_HTTP_BODY_BYTES_MAX` in the
//! environment.

use std::path::PathBuf;

use sluice_server::config::WhenFull;
use sluice_server::identities::is_account_id;

use super::bytes;
use super::row::{
    file_key, integer, is_on, listed, networks_key, number, path_or_none, plain, split, switch,
    switch_key,
};
use super::values::{ClockKind, Settings};
use crate::client::Endpoint;

/// The type that the configuration file must use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileType {
    Text,
    Integer,
    /// An integer, or a string with a suffix such as `8MiB`.
    Bytes,
    Boolean,
    /// An array of strings; elsewhere a text with commas.
    List,
}

/// One setting among those in `S`.
#[derive(Debug)]
pub(crate) struct Key<S = Settings> {
    /// Dotted name, as in the file.
    pub(crate) name: &'static str,
    /// Type in the file.
    pub(crate) file_type: FileType,
    /// What a value must look like; completes "wants …".
    pub(crate) wants: &'static str,
    /// One sentence.
    pub(crate) help: &'static str,
    /// Parses and stores a value; `None` when it is not what the key wants.
    pub(crate) set: fn(&mut S, &str) -> Option<()>,
    /// The present value as text.
    pub(crate) get: fn(&S) -> String,
}

impl Key {
    /// Name on the command line, without the dashes.
    pub(crate) fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// Name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("SLUICE_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// Finds a setting by its dotted name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

fn is_region(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(is_allowed)
}

/// Scheme, host and optional port, nothing behind them.
fn is_base_url(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))
    else {
        return false;
    };
    authority.parse::<http::uri::Authority>().is_ok_and(|parsed| {
        !parsed.host().is_empty() && !authority.contains('@') && !authority.ends_with(':')
    })
}

/// Every setting, in the order of the reference page.
pub(crate) static KEYS: &[Key] = &[
    Key {
        name: "data",
        file_type: FileType::Text,
        wants: "a directory",
        help: "Directory of the store, created when absent. `dev` without it uses a temporary directory and removes it at exit.",
        set: |settings, text| {
            // URLs name object storage, which the cluster engine will serve; a directory called `s3:` would surprise.
            if text.is_empty() || text.contains("://") {
                return None;
            }
            settings.data = Some(PathBuf::from(text));
            Some(())
        },
        get: |settings| match &settings.data {
            Some(path) => path.display().to_string(),
            None => "(temporary)".to_owned(),
        },
    },
    Key {
        name: "listen",
        file_type: FileType::Text,
        wants: "an address and a port such as 127.0.0.1:9324 or [::1]:0",
        help: "Address to listen on; port 0 picks a free one. `serve` listens on loopback only without TLS, unless `allow_plain_http`, and always without `auth`.",
        set: |settings, text| {
            settings.listen = text.parse().ok()?;
            Some(())
        },
        get: |settings| settings.listen.to_string(),
    },
    networks_key!(
        "allow_networks",
        listener.networks,
        "Networks that may connect to `listen`; connections from elsewhere are closed before anything is read. Without it, all may."
    ),
    file_key!(
        "tls.certificate_file",
        listener.tls_certificate_file,
        "File with the certificate of this server and those of its issuers, PEM: the server speaks TLS and nothing else; see docs/tls.md."
    ),
    file_key!(
        "tls.key_file",
        listener.tls_key_file,
        "File with the private key of that certificate, PEM, not encrypted."
    ),
    file_key!(
        "tls.client_ca_file",
        listener.tls_client_ca_file,
        "File with authorities, PEM: every client has to show a certificate from one of them."
    ),
    Key {
        name: "tls.self_signed",
        file_type: FileType::Text,
        wants: "a directory",
        help: "TLS for `dev`: directory of a certificate for localhost, 127.0.0.1 and ::1, made unless it is there; clients trust its ca.pem.",
        set: |settings, text| {
            settings.tls_self_signed = Some(PathBuf::from((!text.is_empty()).then_some(text)?));
            Some(())
        },
        get: |settings| path_or_none(settings.tls_self_signed.as_deref()),
    },
    switch_key!(
        "auth",
        auth,
        "Verify signatures: only who has an access key of this server gets in. On in `serve`, off in `dev`."
    ),
    file_key!(
        "root_credentials_file",
        root_credentials_file,
        "File with the access key of the administrator, the root of `account`: aws_access_key_id = … and aws_secret_access_key = … in two lines; \
         in a section [123456789012], that of another account. Without it, the first start makes one and shows it once."
    ),
    file_key!(
        "master_key_file",
        master_key_file,
        "File with the master key, 32 random bytes in base64 (`openssl rand -base64 32`), outside of the data directory: bodies in queues with `SqsManagedSseEnabled` or `KmsMasterKeyId` are encrypted at rest. Once it was set, there is no start without it; see docs/encryption.md."
    ),
    file_key!(
        "previous_master_key_file",
        previous_master_key_file,
        "File with the master key that the data directory has had: the start with both files changes it to that in `master_key_file`. Afterwards, this one has no effect."
    ),
    Key {
        name: "master_key_kms.endpoint",
        file_type: FileType::Text,
        wants: "an https URL such as https://kms.eu-central-1.amazonaws.com; http only to this machine itself",
        help: "The KMS that decrypts `master_key_file` at each start: that file then holds a ciphertext. It is asked with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment; see docs/encryption.md.",
        set: |settings, text| {
            let endpoint = Endpoint::parse(text).ok().filter(Endpoint::is_private)?;
            settings.master_key_kms.endpoint = Some(endpoint);
            Some(())
        },
        get: |settings| {
            let endpoint = &settings.master_key_kms.endpoint;
            endpoint.as_ref().map_or_else(|| "(none)".to_owned(), Endpoint::url)
        },
    },
    Key {
        name: "master_key_kms.region",
        file_type: FileType::Text,
        wants: "a region name of lower-case letters, digits and hyphens, such as us-east-1",
        help: "Region that requests to this KMS are signed for; without it, `region`.",
        set: |settings, text| {
            settings.master_key_kms.region = Some(is_region(text).then(|| text.to_owned())?);
            Some(())
        },
        get: |settings| {
            let region = &settings.master_key_kms.region;
            region.clone().unwrap_or_else(|| "(`region`)".to_owned())
        },
    },
    file_key!(
        "master_key_kms.ca_file",
        master_key_kms.ca_file,
        "File with certificates of authorities, PEM, to trust for this KMS beside those that this machine trusts."
    ),
    switch_key!(
        "allow_plain_http",
        listener.plain_http,
        "Let `serve` listen without TLS on `listen` when other machines reach it: signatures protect secrets and requests, but \
               anybody on the way reads the messages."
    ),
    Key {
        name: "public_url",
        file_type: FileType::Text,
        wants: "scheme, host and port without a path, such as https://queues.example.com",
        help: "Beginning of every queue URL; without it, the `Host` header of the request decides.",
        set: |settings, text| {
            let text = text.strip_suffix('/').unwrap_or(text);
            settings.public_url = Some(is_base_url(text).then(|| text.to_owned())?);
            Some(())
        },
        get: |settings| {
            settings.public_url.clone().unwrap_or_else(|| "(from the request)".to_owned())
        },
    },
    Key {
        name: "region",
        file_type: FileType::Text,
        wants: "a region name of lower-case letters, digits and hyphens, such as us-east-1",
        help: "Region of requests whose signature names none, and of queues whose URL has none.",
        set: |settings, text| {
            settings.region = is_region(text).then(|| text.to_owned())?;
            Some(())
        },
        get: |settings| settings.region.clone(),
    },
    Key {
        name: "account",
        file_type: FileType::Text,
        wants: "an account id of 12 digits, quoted in the file",
        help: "Account of callers whose access key is not itself a 12-digit account id.",
        set: |settings, text| {
            settings.account = is_account_id(text).then(|| text.to_owned())?;
            Some(())
        },
        get: |settings| settings.account.clone(),
    },
    switch_key!(
        "trust_forwarded_headers",
        listener.forwarded,
        "Believe `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` of what comes to `listen`; only behind a proxy that sets them."
    ),
    switch_key!(
        "allow_peek",
        peek,
        "Offer `PeekMessages`, which shows messages without receiving them. On in `dev`."
    ),
    switch_key!(
        "create_queues_on_use",
        create_queues_on_use,
        "`dev` only: a request that names a queue which does not exist creates it, with default attributes."
    ),
    Key {
        name: "clock",
        file_type: FileType::Text,
        wants: "system or virtual",
        help: "By which time queues and messages live. `virtual`, `dev` only: a clock that stands still until the admin API sets it forward; see docs/development.md.",
        set: |settings, text| {
            settings.clock = match text {
                "system" => ClockKind::System,
                "virtual" => ClockKind::Virtual,
                _ => return None,
            };
            Some(())
        },
        get: |settings| match settings.clock {
            ClockKind::System => "system".to_owned(),
            ClockKind::Virtual => "virtual".to_owned(),
        },
    },
    Key {
        name: "queues",
        file_type: FileType::Text,
        wants: "a file that ends with .yaml, .yml, .json, .toml, .conf or .hocon",
        help: "File of queues to create at the start where they are missing: YAML or TOML, also ElasticMQ's and GoAWS's formats; see docs/development.md.",
        set: |settings, text| {
            settings.queues = Some(PathBuf::from((!text.is_empty()).then_some(text)?));
            Some(())
        },
        get: |settings| path_or_none(settings.queues.as_deref()),
    },
    number!(
        "shards",
        Integer,
        shards,
        1..=256,
        integer,
        plain,
        "a number from 1 to 256",
        "Number of shards of a new data directory; an existing one keeps its own."
    ),
    number!(
        "in_flight_max",
        Integer,
        in_flight_max,
        1..=10_000_000,
        integer,
        plain,
        "a number from 1 to 10000000",
        "Messages of one queue that may be received and not yet deleted; SQS allows 120,000."
    ),
    number!(
        "delay_secs_max",
        Integer,
        delay_secs_max,
        900..=31_536_000,
        integer,
        plain,
        "a number of seconds from 900 to 31536000",
        "Longest `DelaySeconds` of a message or a queue; SQS allows 900. A delay above that also has to be shorter than the `MessageRetentionPeriod` of its queue."
    ),
    number!(
        "visibility_timeout_secs_max",
        Integer,
        visibility_timeout_secs_max,
        43_200..=31_536_000,
        integer,
        plain,
        "a number of seconds from 43200 to 31536000",
        "Longest visibility timeout, also in total since a receive; SQS allows 43,200. A message in flight is removed all the same when its `MessageRetentionPeriod` ends."
    ),
    number!(
        "retention_secs_max",
        Integer,
        retention_secs_max,
        1_209_600..=31_536_000,
        integer,
        plain,
        "a number of seconds from 1209600 to 31536000",
        "Longest `MessageRetentionPeriod`; SQS allows 1,209,600."
    ),
    number!(
        "batch_entries_max",
        Integer,
        batch_entries_max,
        10..=64,
        integer,
        plain,
        "a number from 10 to 64",
        "Entries of one batch request, which has 1 MiB in any case; SQS allows 10."
    ),
    number!(
        "receive_count_max",
        Integer,
        receive_count_max,
        10..=64,
        integer,
        plain,
        "a number from 10 to 64",
        "Largest `MaxNumberOfMessages` of a receive; SQS allows 10. An answer can have as many MiB."
    ),
    number!(
        "http.body_bytes_max",
        Bytes,
        body_bytes_max,
        1_048_576..=1_073_741_824,
        bytes::parse,
        bytes::render,
        "a size from 1MiB to 1GiB",
        "Largest request body, before and after decompression."
    ),
    number!(
        "http.head_timeout_secs",
        Integer,
        head_timeout_secs,
        1..=3600,
        integer,
        plain,
        "a number of seconds from 1 to 3600",
        "Time for a client to send its request head."
    ),
    number!(
        "http.body_timeout_secs",
        Integer,
        body_timeout_secs,
        1..=3600,
        integer,
        plain,
        "a number of seconds from 1 to 3600",
        "Time for a client to send its request body."
    ),
    number!(
        "http.connections_max",
        Integer,
        connections_max,
        1..=1_000_000,
        integer,
        plain,
        "a number from 1 to 1000000",
        "Connections open at once. The limit on open files may allow fewer."
    ),
    number!(
        "http.requests_per_second_per_key",
        Integer,
        requests_per_second_per_key,
        0..=1_000_000,
        integer,
        plain,
        "a number from 0 to 1000000",
        "Requests that may be made with one access key in a second; beyond it they are throttled. 0: as many as come."
    ),
    number!(
        "http.requests_per_second_per_address",
        Integer,
        requests_per_second_per_address,
        0..=1_000_000,
        integer,
        plain,
        "a number from 0 to 1000000",
        "The same for one address, or 64 bits of an IPv6 address; counted before signatures are verified."
    ),
    number!(
        "http.drain_timeout_secs",
        Integer,
        drain_timeout_secs,
        0..=3600,
        integer,
        plain,
        "a number of seconds from 0 to 3600",
        "Time that a shutdown waits for requests in flight."
    ),
    Key {
        name: "audit.directory",
        file_type: FileType::Text,
        wants: "a directory",
        help: "Directory of the audit log, created when absent: who called what, as CloudTrail records it; see docs/audit.md. Without it, nothing is recorded.",
        set: |settings, text| {
            settings.audit_directory = Some(PathBuf::from((!text.is_empty()).then_some(text)?));
            Some(())
        },
        get: |settings| path_or_none(settings.audit_directory.as_deref()),
    },
    switch_key!(
        "audit.data_events",
        audit_data_events,
        "Record data events as well: sends, receives, deletes and whatever else CloudTrail counts as such."
    ),
    Key {
        name: "audit.when_full",
        file_type: FileType::Text,
        wants: "wait or refuse",
        help: "What becomes of calls that cannot be recorded: `wait` has them wait for a slow disk, and answers them when the disk is full or fails; \
               `refuse` refuses them in both cases, before they do anything.",
        set: |settings, text| {
            settings.audit_when_full = match text {
                "wait" => WhenFull::Wait,
                "refuse" => WhenFull::Refuse,
                _ => return None,
            };
            Some(())
        },
        get: |settings| match settings.audit_when_full {
            WhenFull::Wait => "wait".to_owned(),
            WhenFull::Refuse => "refuse".to_owned(),
        },
    },
    number!(
        "audit.file_bytes_max",
        Bytes,
        audit_file_bytes_max,
        4_096..=1_099_511_627_776,
        bytes::parse,
        bytes::render,
        "a size from 4KiB to 1024GiB",
        "Size from which on an audit file is finished: compressed, and its hash written into a digest file."
    ),
    number!(
        "audit.file_secs_max",
        Integer,
        audit_file_secs_max,
        1..=604_800,
        integer,
        plain,
        "a number of seconds from 1 to 604800",
        "Age from which on an audit file is finished."
    ),
    number!(
        "store.block_cache_bytes",
        Bytes,
        block_cache_bytes,
        1_048_576..=1_099_511_627_776,
        bytes::parse,
        bytes::render,
        "a size from 1MiB to 1024GiB",
        "Memory for blocks read from disk, shared by all shards."
    ),
    number!(
        "store.write_buffer_bytes",
        Bytes,
        write_buffer_bytes,
        4_194_304..=1_099_511_627_776,
        bytes::parse,
        bytes::render,
        "a size from 4MiB to 1024GiB",
        "Memory for writes not yet in a table file, shared by all shards."
    ),
    number!(
        "store.reserve_bytes",
        Bytes,
        reserve_bytes,
        0..=1_099_511_627_776,
        bytes::parse,
        bytes::render,
        "a size from 0 to 1024GiB",
        "Free disk space below which sends are refused, so that receives and deletes keep working."
    ),
];

#[cfg(test)]
mod tests;
