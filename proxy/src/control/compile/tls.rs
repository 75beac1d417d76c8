//! TLS of a listener: what its files hold -> what a handshake needs.

use std::sync::Arc;

use config::model::{self, ClientAuth as Asked};

use super::CompileError;
use crate::{
    control::certs::{self, CertificateError, client_ca, ticket_keys},
    listen::tls::{
        Tls,
        clients::ClientAuth,
        provider,
        tickets::{Tickets, now_s},
    },
};

/// What becomes of a file that cannot be used.
pub(crate) enum Broken<'a> {
    /// Nothing goes live.
    Refused,
    /// What was live before is kept, and the reason noted.
    Kept(&'a mut Vec<CompileError>),
}

impl Broken<'_> {
    fn or_before<T>(&mut self, loaded: Result<T, CompileError>, before: Option<T>) -> Result<T, CompileError> {
        match (loaded, before, self) {
            (Err(error), Some(before), Broken::Kept(errors)) => {
                errors.push(error);
                Ok(before)
            }
            (loaded, ..) => loaded,
        }
    }
}

/// Reads what the listener `name` needs. `previous` is its TLS as it was; with [`Broken::Kept`], of the same model.
pub(crate) fn compile(
    name: &str,
    model: &model::Tls,
    previous: Option<&Tls>,
    broken: &mut Broken<'_>,
) -> Result<Tls, CompileError> {
    let mut before = previous.into_iter().flat_map(|tls| tls.certificates.iter());
    let mut certificates = Vec::with_capacity(model.certificates.len());
    for (index, model) in model.certificates.iter().enumerate() {
        let loaded = certs::load(model).map(Arc::new);
        let loaded = loaded.map_err(|cause| CompileError::Certificate { listener: name.to_owned(), index, cause });
        let before = before.next().map(|served| Arc::clone(&served.certificate));
        certificates.push(broken.or_before(loaded, before)?);
    }
    let clients = clients(model).map_err(|cause| CompileError::ClientCa { listener: name.to_owned(), cause });
    let clients = broken.or_before(clients, previous.map(|tls| tls.clients.clone()))?;
    let tickets = broken.or_before(tickets(name, model, previous), previous.map(|tls| Arc::clone(&tls.tickets)))?;
    Ok(Tls::new(model, certificates, clients, tickets))
}

/// Whom clients have to prove to be.
pub(in crate::control) fn clients(model: &model::Tls) -> Result<ClientAuth, CertificateError> {
    let Some(path) = model.client_ca.as_ref().filter(|_| model.client_certificates != Asked::None) else {
        return Ok(ClientAuth::none());
    };
    let required = model.client_certificates == Asked::Required;
    ClientAuth::asking(&client_ca::load(path)?, required, &provider())
        .map_err(|_cause| CertificateError::Malformed { path: path.clone() })
}

fn tickets(name: &str, model: &model::Tls, previous: Option<&Tls>) -> Result<Arc<Tickets>, CompileError> {
    let previous = previous.map(|tls| &tls.tickets);
    let Some(path) = &model.ticket_keys else {
        let own = previous.filter(|tickets| tickets.are_own()).cloned();
        return Ok(own.unwrap_or_else(|| Arc::new(Tickets::own())));
    };
    let keys =
        ticket_keys::load(path).map_err(|cause| CompileError::TicketKeys { listener: name.to_owned(), cause })?;
    Ok(Arc::new(Tickets::shared(keys, previous.map(Arc::as_ref), now_s())))
}
