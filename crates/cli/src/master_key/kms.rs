//! An external KMS: it keeps the key that opens the master key, and is asked once for each start.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_server::encryption::MasterKey;
use sluice_server::identities::Secret;

use crate::client::{Connection, Credentials, KMS};
use crate::exit::Failure;
use crate::settings::MasterKeyKms;

/// How a ciphertext is made.
pub(super) const HOW_TO_MAKE_ONE: &str = "`aws kms generate-data-key-without-plaintext --key-id KEY --key-spec AES_256 \
     --query CiphertextBlob --output text > FILE`";

/// A KMS that does not answer is asked again after each of these: at the start of a machine the network may come later.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// Has the KMS decrypt a master key. `named` is the setting, and the path of the file.
pub(super) async fn decrypt(
    kms: &MasterKeyKms,
    region: &str,
    named: &str,
    ciphertext: &str,
) -> Result<MasterKey, Failure> {
    let wrong = |problem: &str| Failure::Usage(format!("{named}: {problem}"));
    let endpoint = kms.endpoint.clone().ok_or_else(|| wrong("wants `master_key_kms.endpoint`"))?;
    let credentials = Credentials::given().ok_or_else(|| {
        wrong(
            "`master_key_kms.endpoint` wants AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, \
             of somebody who may kms:Decrypt",
        )
    })?;
    let url = endpoint.url();
    let region = kms.region.as_deref().unwrap_or(region);
    let connection =
        Connection::to(endpoint, region.to_owned(), kms.ca_file.as_deref(), credentials)?;
    let input = json!({ "CiphertextBlob": ciphertext });
    let mut pauses = PAUSES.iter();
    let answer = loop {
        let error = match connection.json(KMS, "Decrypt", &input, 0).await {
            Ok(answer) => break answer,
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| matches!(error, Failure::Unreachable(_)));
        let Some(pause) = pause else {
            let text = format!("{named}: the KMS at {url} did not decrypt it: {error}");
            return Err(Failure::Server(text));
        };
        tracing::warn!("the KMS does not answer, trying again in {pause:?}: {error}");
        tokio::time::sleep(*pause).await;
    };
    let key = plaintext(answer).and_then(|text| MasterKey::parse(text.expose()).ok());
    key.ok_or_else(|| {
        let problem = format!("what the KMS at {url} decrypted is no key of 32 random bytes; {HOW_TO_MAKE_ONE} makes one");
        wrong(&problem)
    })
}

fn plaintext(mut answer: Value) -> Option<Secret> {
    match answer.get_mut("Plaintext")?.take() {
        Value::String(text) => Some(Secret::new(text)),
        _ => None,
    }
}
