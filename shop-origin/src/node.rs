//! Which subsystems live in this process, and how they are put together: the only file that names them all.

mod seed;
mod sweep;
#[cfg(test)]
pub(crate) mod fixture;

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;

use crate::backing::db::{Db, Fault};
use crate::backing::kv::Kv;
use crate::backing::queue::{Courier, Handler, Message};
use crate::backing::state::StateFolder;
use crate::cli;
use crate::clock;
use crate::membership::{self, api::Membership};
use crate::outbound::{Base, Outbound};
use crate::payment::{self, api::Payment, provider::Provider};
use crate::product::{self, api::Catalogue};
use crate::serving;
use crate::shopping::{self, api::Shopping};
use crate::storefront::{self, Storefront};
use crate::web::envelope;
use crate::web::freshness::{self, Freshness};
use crate::web::input::BODY_BYTES_MAX;
use crate::web::problem::Problem;
use crate::web::site::Site;

pub(crate) use seed::seed;

/// The subsystems of one process. What a call between two of them needs is handed over here, and nowhere else.
#[derive(Clone)]
pub(crate) struct Node {
    db: Db,
    kv: Kv,
    pub(crate) catalogue: Catalogue,
    pub(crate) membership: Membership,
    pub(crate) payment: Payment,
    pub(crate) shopping: Shopping,
}

impl Node {
    fn open(state: &StateFolder, payment_provider: Base) -> Result<Node, anyhow::Error> {
        let schemas = [product::SCHEMA, shopping::SCHEMA, payment::SCHEMA, membership::SCHEMA];
        let db = state.database(schemas)?;
        let kv = state.kv()?;
        let key = state.payment_key()?;
        let provider = Provider::new(payment_provider, Outbound::new(), &key);
        let catalogue = Catalogue::new(db.clone(), state.media()?);
        let membership = Membership::new(db.clone(), kv.clone());
        let payment = Payment::new(db.clone(), key, provider);
        let shopping = Shopping::new(db.clone(), catalogue.clone(), payment.clone());
        Ok(Node { db, kv, catalogue, membership, payment, shopping })
    }

    /// Who hears of what.
    fn courier(&self) -> Arc<Courier> {
        let shopping = self.shopping.clone();
        let settle: Handler = Box::new(move |message: Message| {
            let shopping = shopping.clone();
            Box::pin(async move {
                let captured = serde_json::from_str(&message.payload)?;
                Ok(shopping.settle(captured, clock::now()).await?)
            })
        });
        // Whether an order is paid or cancelled: no open session may take (more) money for it.
        let close = || -> Handler {
            let payment = self.payment.clone();
            Box::new(move |message: Message| {
                let payment = payment.clone();
                Box::pin(async move { Ok(payment.close(message.subject).await?) })
            })
        };
        let bindings =
            [(payment::api::CAPTURED, settle), (shopping::api::PAID, close()), (shopping::api::CANCELLED, close())];
        Courier::new(self.db.clone(), bindings)
    }

    fn routes(&self, site: Site, courier: Arc<Courier>) -> Router {
        let (catalogue, shopping) = (self.catalogue.clone(), self.shopping.clone());
        let storefront = Storefront { site: site.clone(), catalogue: catalogue.clone(), shopping: shopping.clone() };
        let membership = self.membership.clone();
        let shopping = shopping::Context { site: site.clone(), shopping, membership, courier: Arc::clone(&courier) };
        Router::new()
            .route("/healthz", get(health).with_state(self.db.clone()))
            .merge(storefront::routes(storefront))
            .merge(product::routes(catalogue))
            .merge(membership::routes(site.clone(), self.membership.clone()))
            .merge(shopping::routes(shopping))
            .merge(payment::routes(self.payment.clone(), courier))
            .fallback(async || Problem::not_found())
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(site, envelope::wrap))
    }
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(options: cli::Serve) -> Result<(), anyhow::Error> {
    let state = StateFolder::open_or_create(&options.state)?;
    let listener = serving::listen(options.listen).await?;
    let public_url = match options.public_url {
        Some(url) => url,
        None => format!("http://{}", listener.local_addr()?).parse().map_err(anyhow::Error::msg)?,
    };
    let node = Node::open(&state, options.payment_provider.clone())?;
    if node.catalogue.filling().await.context("cannot read the catalogue")?.is_none() {
        tracing::warn!("the catalogue is empty; hint: run `shop-origin seed --state {}`", options.state.display());
    }
    let catalogue = node.catalogue.clone();
    let site = Site { public_url, payment_provider: options.payment_provider, catalogue };
    let courier = node.courier();
    let routes = node.routes(site, Arc::clone(&courier));
    let background = [tokio::spawn(courier.run()), tokio::spawn(sweep::run(node.shopping.clone(), node.kv.clone()))];
    let served = serving::serve(listener, routes).await;
    for task in background {
        task.abort(); // between two transactions, or while one ends by itself
    }
    served
}

/// Ready when the database answers.
async fn health(State(db): State<Db>) -> Response {
    let answer = db.read(|tx| Ok::<i64, Fault>(tx.query_row("SELECT 1", [], |row| row.get(0))?)).await;
    let mut response = match answer {
        Ok(_) => (StatusCode::OK, "ok\n").into_response(),
        Err(fault) => Problem::from(fault).as_json(),
    };
    freshness::stamp(&mut response, Freshness::Never);
    response
}
