//! What a configuration names outside of itself: certificates, secrets, files. A problem with them is shown where they
//! are named.

use std::{error::Error, io::ErrorKind, path::Path};

use config::{
    Code, Outside, Problems, Sources,
    model::{Config, LogTarget, Pool},
};
use jiff::Timestamp;

use super::{
    certs::{self, CertificateError, ticket_keys},
    compile::{self, CompileError},
    discover::EmptyPool,
    doors::BindError,
    secret::{SecretError, Token},
    upstream_tls::{self, UpstreamTlsError},
};

use crate::listen::tls::certificates::Certificate;

/// From when until when everything has to hold.
#[derive(Clone, Copy)]
pub(crate) struct Period {
    pub(crate) now: Timestamp,
    pub(crate) until: Timestamp,
}

/// What a good configuration names that only the edge itself may find.
pub(crate) fn unknown_here(config: &Config) -> Option<SecretError> {
    let token = Token::read("`admin.token`", config.live.admin_token.as_ref()?);
    token.err().filter(|error| matches!(error, SecretError::NotSet { .. }))
}

/// Everything that is wrong with what a good configuration names, wherever it is looked at.
pub(crate) fn check(config: &Config, sources: &Sources, period: Period) -> Option<Problems> {
    let mut found = certificates(config, period);
    found.extend(config.live.pools.iter().flat_map(|pool| upstream_tls(pool, period)));
    found.extend(config.live.pools.iter().filter_map(sticky_key));
    if let Some(place) = &config.live.admin_token {
        // The environment of this process is not that of the edge: see `unknown_here`.
        let unusable = Token::read("`admin.token`", place).err();
        let unusable = unusable.filter(|error| !matches!(error, SecretError::NotSet { .. }));
        found.extend(unusable.map(|error| of_secret(&error)));
    }
    if let LogTarget::File(path) = &config.live.access_log.to {
        found.extend(folder_of_log(path));
    }
    let routes = config.live.routes.iter().enumerate();
    let unusable = routes.filter_map(|(index, model)| compile::route::check_outside(index, model).err());
    found.extend(unusable.map(|error| of_compile(&error)));
    sources.locate(found).into_iter().chain(sources.check_endpoints_files(config)).reduce(Problems::and)
}

/// Why a checked configuration could not be compiled.
pub(crate) fn of_compile(error: &CompileError) -> Outside {
    match error {
        CompileError::Certificate { listener, index, cause } => of_certificate(listener, *index, cause),
        CompileError::ClientCa { listener, cause } => of_client_ca(listener, cause),
        CompileError::TicketKeys { listener, .. } => of_ticket_keys(listener, error),
        CompileError::UpstreamTls { pool, cause } => of_upstream_tls(pool, cause),
        CompileError::StickyKey { pool, .. } => of_place(format!("pools.{pool}.sticky.key"), error),
        CompileError::Zone { .. } => of_place("process.zone".to_owned(), error),
        CompileError::Answer { index, cause, .. } => Outside {
            hint: (cause.kind() == ErrorKind::FileTooLarge).then(|| "serve it with `files`".to_owned()),
            ..unusable(format!("routes[{index}].respond.file"), error)
        },
        CompileError::Folder { index, .. } => unusable(format!("routes[{index}].files.root"), error),
        CompileError::AccessLog { .. } => unusable("telemetry.access_log.to".to_owned(), error),
    }
}

/// Why what stands in a variable or a file cannot be used.
fn of_place(path: String, error: &CompileError) -> Outside {
    let (message, hint) = split_hint(with_causes(error));
    Outside { code: Code::UnusableSecret, path, message, hint }
}

/// Why a pool cannot begin.
pub(crate) fn of_empty_pool(empty: &EmptyPool) -> Outside {
    let path = format!("pools.{}.{}", empty.pool, empty.key);
    Outside { code: Code::NobodyFound, path, message: with_causes(empty), hint: None }
}

/// Why an address cannot be listened on.
pub(crate) fn of_bind(error: &BindError) -> Outside {
    let hint = (error.cause.kind() == ErrorKind::AddrInUse).then(|| "`ss -ltnp` shows who holds a port".to_owned());
    let path = format!("listeners.{}.bind[{}]", error.listener, error.index);
    Outside { code: Code::UnusableAddress, path, message: with_causes(error), hint }
}

fn unusable(path: String, error: &CompileError) -> Outside {
    Outside { code: Code::UnusableFile, path, message: with_causes(error), hint: None }
}

/// Why a secret cannot be used.
pub(crate) fn of_secret(error: &SecretError) -> Outside {
    let (message, hint) = split_hint(with_causes(error));
    Outside { code: Code::UnusableSecret, path: "admin.token".to_owned(), message, hint }
}

fn of_certificate(listener: &str, index: usize, error: &CertificateError) -> Outside {
    let key = match error {
        CertificateError::Name { .. } => ".names",
        CertificateError::Key { .. } | CertificateError::Mismatch { .. } => ".key",
        CertificateError::Malformed { .. } => ".chain",
        CertificateError::Unreadable { .. } | CertificateError::NotPem { .. } => "",
    };
    let path = format!("listeners.{listener}.tls.certificates[{index}]{key}");
    Outside { code: Code::WrongCertificate, path, message: with_causes(error), hint: None }
}

fn of_client_ca(listener: &str, error: &CertificateError) -> Outside {
    let path = format!("listeners.{listener}.tls.client_ca");
    Outside { code: Code::WrongCertificate, path, message: with_causes(error), hint: None }
}

fn of_ticket_keys(listener: &str, error: &dyn Error) -> Outside {
    let (message, hint) = split_hint(with_causes(error));
    let hint = hint.or_else(|| Some("`edge ticket-key FOLDER` makes a key".to_owned()));
    Outside { code: Code::UnusableSecret, path: format!("listeners.{listener}.tls.tickets.keys"), message, hint }
}

fn of_upstream_tls(pool: &str, error: &UpstreamTlsError) -> Outside {
    let key = match error {
        UpstreamTlsError::ServerName { .. } => ".server_name",
        UpstreamTlsError::Authorities(_) => ".ca",
        UpstreamTlsError::System => "",
        UpstreamTlsError::Certificate(CertificateError::Key { .. } | CertificateError::Mismatch { .. }) => {
            ".certificate.key"
        }
        UpstreamTlsError::Certificate(_) => ".certificate",
    };
    let (message, hint) = split_hint(with_causes(error));
    Outside { code: Code::WrongCertificate, path: format!("pools.{pool}.tls{key}"), message, hint }
}

/// What is wrong with the files that a pool needs to speak TLS.
fn upstream_tls(pool: &Pool, period: Period) -> Option<Outside> {
    let model = pool.tls.as_ref()?;
    let shown = match upstream_tls::load(model, pool.protocol) {
        Ok(loaded) => loaded.shown?,
        Err(error) => return Some(of_upstream_tls(&pool.name, &error)),
    };
    let certificate = model.certificate.as_ref()?;
    let path = format!("pools.{}.tls.certificate.chain", pool.name);
    Some(expired(path, &certificate.chain, &validity(&shown, period)?))
}

/// What is wrong with the key of a pool's cookies. The environment of this process is not that of the edge.
fn sticky_key(pool: &Pool) -> Option<Outside> {
    let error = compile::sticky_key(&pool.name, pool.sticky.as_ref()?).err()?;
    let is_set = !matches!(error, CompileError::StickyKey { cause: SecretError::NotSet { .. }, .. });
    is_set.then(|| of_compile(&error))
}

fn expired(path: String, chain: &Path, when: &str) -> Outside {
    Outside {
        code: Code::ExpiredCertificate,
        path,
        message: format!("the certificate in {} {when}", chain.display()),
        hint: Some("renew it, and reload".to_owned()),
    }
}

fn certificates(config: &Config, period: Period) -> Vec<Outside> {
    let mut found = Vec::new();
    for listener in &config.live.listeners {
        if let Some(tls) = &listener.tls {
            found.extend(compile::tls::clients(tls).err().map(|error| of_client_ca(&listener.name, &error)));
            let unusable = tls.ticket_keys.as_ref().and_then(|path| ticket_keys::load(path).err());
            found.extend(unusable.map(|error| of_ticket_keys(&listener.name, &error)));
        }
        for (index, model) in listener.certificates().iter().enumerate() {
            match certs::load(model) {
                Ok(loaded) => found.extend(validity(&loaded, period).map(|when| {
                    let path = format!("listeners.{}.tls.certificates[{index}].chain", listener.name);
                    expired(path, &model.chain, &when)
                })),
                Err(error) => found.push(of_certificate(&listener.name, index, &error)),
            }
        }
    }
    found
}

/// What is wrong with when a certificate is valid.
fn validity(certificate: &Certificate, Period { now, until }: Period) -> Option<String> {
    let at = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let (begins, expires) = (at(certificate.begins_s), at(certificate.expires_s));
    if now < begins {
        Some(format!("is not valid before {begins}"))
    } else if expires < now {
        Some(format!("expired at {expires}"))
    } else if expires < until {
        Some(format!("expires at {expires}, before the event ends at {until}"))
    } else {
        None
    }
}

/// The file itself may come with the first line; whether it can be opened is only sure when it is.
fn folder_of_log(path: &Path) -> Option<Outside> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (!folder.is_dir()).then(|| Outside {
        code: Code::UnusableFile,
        path: "telemetry.access_log.to".to_owned(),
        message: format!("there is no folder {}", folder.display()),
        hint: Some("make it, for the user that the edge runs as".to_owned()),
    })
}

/// What is wrong, and what to do about it.
fn split_hint(message: String) -> (String, Option<String>) {
    match message.split_once("; hint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (message, None),
    }
}

/// An error and what led to it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_to_do_stands_apart_from_what_is_wrong() {
        let answer = |kind| CompileError::Answer {
            index: 2,
            path: "page.html".into(),
            cause: io::Error::new(kind, "it is larger than 1MiB"),
        };
        let large = of_compile(&answer(ErrorKind::FileTooLarge));
        assert_eq!(large.message, "cannot answer with page.html: it is larger than 1MiB");
        assert_eq!(
            (large.path.as_str(), large.hint.as_deref()),
            ("routes[2].respond.file", Some("serve it with `files`"))
        );
        assert_eq!(of_compile(&answer(ErrorKind::NotFound)).hint, None);
        let log = CompileError::AccessLog { target: LogTarget::File("a/b".into()), cause: io::Error::other("broken") };
        assert_eq!(of_compile(&log).message, "cannot open the access log `file:a/b`: broken");
    }

    #[test]
    fn a_certificate_must_be_valid_now_and_at_the_event() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::clock::wall();
        crate::control::dev_certificate::create(folder.path(), &["localhost".to_owned()], now).unwrap();
        let model = config::model::Certificate {
            names: vec![config::model::HostPattern::Exact("localhost".to_owned())],
            chain: folder.path().join("localhost.pem"),
            key: folder.path().join("localhost.key"),
        };
        let loaded = certs::load(&model).unwrap();
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        let said = |now: i64, until: i64| validity(&loaded, Period { now: at(now), until: at(until) });
        let (begins, expires) = (loaded.begins_s, loaded.expires_s);
        assert_eq!(said(begins, expires), None);
        assert!(said(begins - 1, begins).unwrap().starts_with("is not valid before "));
        assert!(said(expires + 1, expires + 1).unwrap().starts_with("expired at "));
        assert!(said(begins, expires + 1).unwrap().contains(", before the event ends at "));
    }
}
