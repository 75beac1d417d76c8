//! Fills an empty shop.

use anyhow::Context;

use super::Node;
use crate::backing::state::StateFolder;
use crate::cli;
use crate::clock;
use crate::membership::api::EntryError;
use crate::outbound::Base;
use crate::product::seed::catalogue;

const DEMO_NAME: &str = "Demo Shopper";
const DEMO_EMAIL: &str = "demo@example.com";
const DEMO_PASSWORD: &str = "open sesame";

/// Fills the state folder, or says that it is full. Every step may be repeated, and the catalogue, by which a full folder
/// is known, comes last: a seed that was interrupted is finished by the next one.
pub(crate) async fn seed(options: cli::Seed) -> Result<(), anyhow::Error> {
    let state = StateFolder::open_or_create(&options.state)?;
    let provider: Base = "http://127.0.0.1:9190".parse().map_err(anyhow::Error::msg)?;
    let node = Node::open(&state, provider)?;
    let folder = options.state.display();
    if let Some(there) = node.catalogue.filling().await.context("cannot read the catalogue")? {
        let (products, skus) = (there.products, there.skus);
        println!("already seeded: {products} products, {skus} SKUs, seed {} in {folder}", there.seed);
        if skus != options.scale || there.seed != options.seed {
            println!("hint: remove {folder} to seed {} SKUs with seed {}", options.scale, options.seed);
        }
        return Ok(());
    }
    match node.membership.register(DEMO_NAME, DEMO_EMAIL, DEMO_PASSWORD, clock::now()).await {
        Ok(_) | Err(EntryError::Taken) => {}
        Err(error) => return Err(error).context("cannot open the demo account"),
    }
    let catalogue = catalogue(options.seed, options.scale as usize);
    let stock =
        catalogue.products.iter().flat_map(|product| product.skus.iter().map(|sku| (product.id, sku.id, sku.stock)));
    node.shopping.supply(stock.collect()).await.context("cannot bring in stock")?;
    let filled = node.catalogue.fill(catalogue, options.seed).await.context("cannot fill the catalogue")?;
    println!("seeded {} products with {} SKUs in {folder}", filled.products, filled.skus);
    println!("demo account: {DEMO_EMAIL}, password: {DEMO_PASSWORD}");
    Ok(())
}
