//! Client certificates: who has to show one, whom they are signed by, and what is known of one that was good.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use rustls::{
    CertificateError, Error, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime},
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use sha2::{Digest, Sha256};
use x509_parser::parse_x509_certificate;

use super::tickets::Scope;
use crate::telemetry::access::cut;

/// Whether clients are asked for a certificate, and who vouches for it.
#[derive(Clone, Debug)]
pub(crate) struct ClientAuth {
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    required: bool,
    /// Tells sessions of other demands apart.
    pub(crate) scope: Scope,
}

impl ClientAuth {
    /// Nobody is asked.
    pub(crate) fn none() -> Self {
        Self { verifier: None, required: false, scope: Scope(Sha256::digest("nobody is asked").into()) }
    }

    /// Everybody is asked for a certificate that one of `authorities` has signed; with `required`, nobody comes in
    /// without.
    pub(crate) fn asking(
        authorities: &[CertificateDer<'static>],
        required: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        if !required {
            verifier = verifier.allow_unauthenticated();
        }
        let mut digests: Vec<[u8; 32]> = authorities.iter().map(|der| Sha256::digest(der).into()).collect();
        digests.sort_unstable();
        let words = if required { "all show one" } else { "some show one" };
        let scope = Sha256::new_with_prefix(words).chain_update(digests.concat()).finalize();
        Ok(Self { verifier: Some(verifier.build()?), required, scope: Scope(scope.into()) })
    }

    pub(super) fn verifier(&self) -> Option<&Arc<dyn ClientCertVerifier>> {
        self.verifier.as_ref()
    }

    /// What is known of a client that has shown these certificates, leaf first; `None` where it has shown none. A
    /// resumed session brings along what was shown when it began, which may have ended since: it is verified anew.
    pub(super) fn judge(
        &self,
        shown: Option<&[CertificateDer<'_>]>,
        resumed: bool,
        now: UnixTime,
    ) -> Result<Option<ClientCertificate>, Error> {
        let shown = shown.and_then(<[_]>::split_first);
        let Some((verifier, (leaf, intermediates))) = self.verifier.as_ref().zip(shown) else {
            return if self.required { Err(Error::NoCertificatesPresented) } else { Ok(None) };
        };
        if resumed {
            verifier.verify_client_cert(leaf, intermediates, now)?;
        }
        let client = ClientCertificate::of(leaf, intermediates);
        client.map(Some).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
    }

    /// Whether somebody who was let in when other things were asked of clients would be let in now, having shown this.
    pub(crate) fn would_admit(&self, shown: Option<&ClientCertificate>, now: SystemTime) -> bool {
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        self.judge(shown.map(|client| &*client.chain), true, now).is_ok()
    }
}

/// A client's certificate that was found good.
#[derive(Clone)]
pub(crate) struct ClientCertificate {
    /// Whom it names, as `CN=..., O=...`.
    pub(crate) subject: String,
    /// SHA-256 of the certificate, in hexadecimal digits.
    pub(crate) fingerprint: String,
    /// End of its validity, in seconds since 1970.
    pub(crate) expires_s: i64,
    /// The certificate as origins are told it (RFC 9440 s2.2).
    pub(crate) field: HeaderValue,
    /// All that was shown, leaf first.
    chain: Arc<[CertificateDer<'static>]>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCertificate").field(&self.subject).field(&self.fingerprint).finish()
    }
}

impl ClientCertificate {
    /// `None` if it cannot be parsed.
    fn of(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(leaf).ok()?;
        let fingerprint = Sha256::digest(leaf).iter().map(|byte| format!("{byte:02x}")).collect();
        let field = HeaderValue::from_str(&format!(":{}:", BASE64_STANDARD.encode(leaf))).ok()?;
        Some(Self {
            subject: cut(&parsed.subject().to_string()).to_owned(),
            fingerprint,
            expires_s: parsed.validity().not_after.timestamp(),
            field,
            chain: std::iter::once(leaf).chain(intermediates).map(|one| one.clone().into_owned()).collect(),
        })
    }

    /// Whether it is still valid.
    pub(crate) fn holds_at(&self, now: SystemTime) -> bool {
        let now_s = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(now_s).is_ok_and(|now_s| now_s <= self.expires_s)
    }
}
