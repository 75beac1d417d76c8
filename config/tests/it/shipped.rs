//! The configuration that the demo runs.

use std::{net::SocketAddr, path::Path, time::Duration};

use config::model::{LogTarget, Protocol, QueryKey};

#[test]
fn the_shipped_configuration_is_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = config::load(&folder.join("edge.yaml")).unwrap_or_else(|problems| panic!("{problems}"));

    let secure = &config.live.listeners[1];
    assert_eq!(secure.bind, ["127.0.0.1:8443".parse::<SocketAddr>().unwrap()]);
    assert_eq!(secure.tls.as_ref().unwrap().protocols, [Protocol::H2, Protocol::Http1]);
    assert_eq!(secure.certificates()[0].chain, folder.join("../state/tls/localhost.pem"));
    assert_eq!(config.live.listeners[0].redirect_to.map(|id| id.index()), Some(1));
    assert_eq!(config.live.access_log.to, LogTarget::File(folder.join("../state/log/access.log")));

    // An alias means the same as its text.
    let route = |name| config.live.routes.iter().find(|route| route.name == name).unwrap();
    let cache = |name| route(name).forward().unwrap().cache.as_ref();
    let (pages, search) = (cache("pages").unwrap(), cache("search").unwrap());
    assert_eq!(pages, search);
    assert_eq!(pages.stale_if_error, Duration::from_secs(600));
    assert!(matches!(&pages.query, QueryKey::Drop(names) if names.contains(&"gclid".into())));
}

#[test]
fn nothing_that_moves_money_is_cached_or_turned_away_first() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("edge.yaml");
    let config = config::load(&path).unwrap();
    for name in ["checkout", "account", "payment"] {
        let route = config.live.routes.iter().find(|route| route.name == name).unwrap();
        let forward = route.forward().unwrap();
        assert_eq!(config.live.classes[forward.class.index()], "core", "{name}");
        assert_eq!(forward.cache, None, "{name}");
    }
}
