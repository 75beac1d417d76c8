//! The authorities that sign clients' certificates, out of a file.

use std::path::Path;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{CertificateError, read};

/// Every certificate of the file; one that is none is not passed over, or its clients would be locked out without a word.
pub(crate) fn load(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let not_pem = || CertificateError::NotPem { path: path.to_owned(), what: "certificate" };
    let pem = read(path)?;
    let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let authorities = authorities.map_err(|_cause| not_pem())?;
    let mut roots = RootCertStore::empty();
    for authority in &authorities {
        roots.add(authority.clone()).map_err(|_cause| CertificateError::Malformed { path: path.to_owned() })?;
    }
    if authorities.is_empty() { Err(not_pem()) } else { Ok(authorities) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::control::dev_certificate;

    #[test]
    fn every_certificate_of_the_file_must_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        dev_certificate::create(folder.path(), &["localhost".to_owned()], crate::clock::wall()).unwrap();
        let authority = fs::read_to_string(at("ca.pem")).unwrap();
        fs::write(at("two.pem"), authority.repeat(2)).unwrap();
        assert_eq!(load(&at("two.pem")).unwrap().len(), 2);
        fs::write(at("no.pem"), format!("{authority}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
            .unwrap();
        fs::write(at("cut.pem"), format!("{authority}{}", &authority[..100])).unwrap();
        for (file, says) in
            [("no.pem", "cannot be parsed"), ("cut.pem", "no PEM"), ("ca.key", "no PEM"), ("none", "cannot read")]
        {
            let error = load(&at(file)).unwrap_err().to_string();
            assert!(error.contains(says), "{file}: {error}");
        }
    }
}
