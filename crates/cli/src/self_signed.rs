//! A certificate for tests on this machine, from an authority that signs nothing else: its key is never written.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::exit::Failure;

/// What the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const CA: &str = "ca.pem";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
/// The key is for its owner, as is everything that is made with it.
const MODE: u32 = 0o600;
const CA_MODE: u32 = 0o644;

/// What clients have to trust.
pub(crate) fn ca_file(directory: &Path) -> PathBuf {
    directory.join(CA)
}

/// Certificate and key.
pub(crate) fn files(directory: &Path) -> (PathBuf, PathBuf) {
    (directory.join(CERTIFICATE), directory.join(KEY))
}

/// Makes the files in a directory, unless they are there.
pub(crate) fn make(directory: &Path) -> Result<(), Failure> {
    let is_there = |name: &&str| directory.join(name).exists();
    let there: Vec<&str> = [CA, CERTIFICATE, KEY].into_iter().filter(is_there).collect();
    match there[..] {
        [] => {}
        [_, _, _] => return Ok(()),
        [..] => {
            return Err(Failure::Usage(format!(
                "`tls.self_signed` = {}: wants {CA}, {CERTIFICATE} and {KEY} or none of them, found {}; \
                 remove what is there or choose another directory",
                directory.display(),
                there.join(" and ")
            )));
        }
    }
    let made =
        pems().map_err(|error| Failure::Server(format!("cannot make a certificate: {error}")))?;
    write(directory, &made).map_err(|error| {
        Failure::Server(format!("cannot write a certificate into {}: {error}", directory.display()))
    })
}

struct Pems {
    ca: String,
    certificate: String,
    key: String,
}

fn pems() -> Result<Pems, Error> {
    let mut authority = params(&[], "Sluice, for tests on this machine")?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut server = params(&NAMES, "localhost")?;
    server.is_ca = IsCa::ExplicitNoCa;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &authority)?;
    Ok(Pems { ca: authority.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    Ok(params)
}

/// The authority goes last: with it the directory is complete.
fn write(directory: &Path, made: &Pems) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let (certificate_file, key_file) = files(directory);
    for (path, text, mode) in [
        (key_file, &made.key, MODE),
        (certificate_file, &made.certificate, MODE),
        (ca_file(directory), &made.ca, CA_MODE),
    ] {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sluice_server::tls::TlsFiles;

    use super::*;

    #[test]
    fn what_is_made_is_used_again_and_fits_together() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let directory = directory.path().join("tls");
        let ca = || fs::read_to_string(ca_file(&directory)).expect("it was made");
        make(&directory).expect("there is nothing yet");
        let first = ca();
        make(&directory).expect("everything is there");
        assert_eq!(ca(), first);
        let (certificate_file, key_file) = files(&directory);
        let client_ca_file = Some(ca_file(&directory));
        let section = "tls".to_owned();
        let checked = TlsFiles { section, certificate_file, key_file, client_ca_file }.check();
        assert!(checked.is_ok(), "{checked:?}");
    }

    #[test]
    fn files_of_somebody_else_are_left_alone() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join(KEY), "precious").expect("the directory is there");
        let error = make(directory.path()).expect_err("there is a key").to_string();
        assert!(error.contains("`tls.self_signed`") && error.contains("found key.pem"), "{error}");
        assert_eq!(
            fs::read_to_string(directory.path().join(KEY)).ok().as_deref(),
            Some("precious")
        );
    }
}
