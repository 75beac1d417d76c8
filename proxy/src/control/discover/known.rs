//! What is known of the endpoints of pools: which addresses names have, and what files list. Nothing here waits or asks.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use config::model::{Address, Endpoint, Pool};

use crate::request::balance::Member;

/// Endpoints of one pool; the first are taken.
const ENDPOINTS_MAX: usize = 4096;
/// After a lookup that failed, unless the next is due earlier: an answer is missed.
const RETRY: Duration = Duration::from_secs(5);
/// How far a lookup may be earlier or later by chance, so that edges that were started together do not ask together.
const JITTER: f64 = 0.1;

/// The addresses of a name, in order; or why there are none.
pub(super) type Answer = Result<Vec<IpAddr>, String>;

/// What is known.
#[derive(Default)]
pub(super) struct Known {
    hosts: HashMap<String, Host>,
    lists: HashMap<PathBuf, List>,
    /// Lookups that failed, by pool: a name comes and goes, and its pool counts on.
    failures: HashMap<String, u64>,
    /// Pools of a configuration that is about to go live: what they want is kept meanwhile.
    coming: Vec<Pool>,
}

/// A name.
struct Host {
    /// From one lookup to the next.
    every: Duration,
    /// Whose endpoints have it.
    pools: BTreeSet<String>,
    /// When it is to be looked up next; `None` while it is.
    due: Option<u64>,
    /// By the last good answer.
    addresses: Vec<IpAddr>,
    /// When that came, or since when there is none.
    since: u64,
    /// Why the last lookup failed.
    fault: Option<String>,
    failures: u64,
}

/// A file.
#[derive(Default)]
struct List {
    /// As it was when it was good last.
    endpoints: Vec<Endpoint>,
    /// Whether anybody has looked at it yet.
    read: bool,
    /// Why it is not good now.
    fault: Option<String>,
}

/// What somebody should hear of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// There are so many now, and they are not what they were.
    Changed { kept: usize },
    /// It is good again, and the same.
    Mended,
    /// It fails for another reason than before; so many are still known.
    Broken { reason: String, kept: usize },
}

/// Who belongs to a pool.
pub(crate) struct Members {
    pub(crate) members: Vec<Member>,
    /// How many more there would be.
    pub(crate) omitted: usize,
}

/// Where the endpoints of a pool come from.
pub(crate) struct Origins {
    pub(crate) names: Vec<Name>,
    /// Lookups for this pool that failed, since it has been there.
    pub(crate) failures: u64,
    pub(crate) file: Option<File>,
}

/// A name of endpoints.
pub(crate) struct Name {
    pub(crate) host: String,
    pub(crate) addresses: usize,
    /// How old the answer is; without one, how long it has been missing.
    pub(crate) age: Duration,
    pub(crate) fault: Option<String>,
    pub(crate) failures: u64,
}

/// A file of endpoints.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) endpoints: usize,
    pub(crate) fault: Option<String>,
}

impl Known {
    /// Wants to know of these pools also, until [`Known::settle`].
    pub(super) fn prepare(&mut self, pools: &[Pool], now: u64) {
        self.coming = pools.to_vec();
        self.want(pools, now);
    }

    /// What was prepared is live now, or never will be.
    pub(super) fn settle(&mut self) {
        self.coming.clear();
    }

    /// Wants to know of these pools, and of no others but those that are coming.
    pub(super) fn keep(&mut self, pools: &[&Pool], now: u64) {
        let coming = std::mem::take(&mut self.coming);
        let pools = pools.iter().copied().chain(&coming);
        self.hosts.values_mut().for_each(|host| host.pools.clear());
        self.want(pools.clone(), now);
        let files: HashSet<_> = pools.clone().filter_map(|pool| pool.endpoints_file.as_ref()).collect();
        self.lists.retain(|path, _| files.contains(path));
        let hosts = self.hosts_of(pools.clone());
        self.hosts.retain(|host, _| hosts.contains_key(host));
        let names: HashSet<_> = pools.map(|pool| pool.name.as_str()).collect();
        self.failures.retain(|pool, _| names.contains(pool.as_str()));
        self.coming = coming;
    }

    fn want<'a>(&mut self, pools: impl IntoIterator<Item = &'a Pool> + Clone, now: u64) {
        for path in pools.clone().into_iter().filter_map(|pool| pool.endpoints_file.as_ref()) {
            self.lists.entry(path.clone()).or_default();
        }
        for (host, every) in self.hosts_of(pools.clone()) {
            match self.hosts.entry(host) {
                Entry::Occupied(mut known) => known.get_mut().look_up_every(every, now),
                Entry::Vacant(new) => {
                    new.insert(Host::new(every, now));
                }
            }
        }
        for pool in pools {
            for host in self.hosts_of([pool]).into_keys() {
                self.hosts.entry(host).and_modify(|known| known.pools.extend([pool.name.clone()]));
            }
        }
    }

    /// The names of pools, with the shortest time from one lookup to the next that one of them wants.
    fn hosts_of<'a>(&self, pools: impl IntoIterator<Item = &'a Pool>) -> HashMap<String, Duration> {
        let mut hosts = HashMap::new();
        for pool in pools {
            for endpoint in self.endpoints(pool) {
                if let Address::Name { host, .. } = &endpoint.address {
                    let every = hosts.entry(host.clone()).or_insert(pool.resolve_every);
                    *every = pool.resolve_every.min(*every);
                }
            }
        }
        hosts
    }

    /// Those that the configuration names, and those of the file.
    fn endpoints<'a>(&'a self, pool: &'a Pool) -> impl Iterator<Item = &'a Endpoint> {
        let list = pool.endpoints_file.as_ref().and_then(|path| self.lists.get(path));
        pool.endpoints.iter().chain(list.into_iter().flat_map(|list| &list.endpoints))
    }

    /// Who belongs to a pool: each address once, as it stands first; every address of a name has the name's settings.
    pub(super) fn members(&self, pool: &Pool) -> Members {
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        let mut omitted = 0;
        for endpoint in self.endpoints(pool) {
            for address in self.addresses(&endpoint.address) {
                if !seen.insert(address) {
                    continue;
                }
                if members.len() < ENDPOINTS_MAX {
                    members.push(Member { address, from: endpoint.clone() });
                } else {
                    omitted += 1;
                }
            }
        }
        Members { members, omitted }
    }

    fn addresses(&self, address: &Address) -> Vec<SocketAddr> {
        match address {
            Address::Socket(address) => vec![*address],
            Address::Name { host, port } => {
                let host = self.hosts.get(host);
                host.into_iter().flat_map(|host| &host.addresses).map(|ip| SocketAddr::new(*ip, *port)).collect()
            }
        }
    }

    /// Where the endpoints of a pool come from.
    pub(super) fn origins(&self, pool: &Pool, now: u64) -> Origins {
        let mut hosts: Vec<_> = self.hosts_of([pool]).into_keys().collect();
        hosts.sort_unstable();
        let name = |host: String| {
            let known = self.hosts.get(&host)?;
            Some(Name {
                addresses: known.addresses.len(),
                age: Duration::from_nanos(now.saturating_sub(known.since)),
                fault: known.fault.clone(),
                failures: known.failures,
                host,
            })
        };
        let file = |path: &PathBuf| {
            let list = self.lists.get(path)?;
            Some(File { path: path.clone(), endpoints: list.endpoints.len(), fault: list.fault.clone() })
        };
        Origins {
            names: hosts.into_iter().filter_map(name).collect(),
            failures: self.failures.get(&pool.name).copied().unwrap_or_default(),
            file: pool.endpoints_file.as_ref().and_then(file),
        }
    }

    /// Names of these pools of which nothing is known, not even that they cannot be resolved.
    pub(super) fn unanswered(&self, pools: &[Pool]) -> impl Iterator<Item = &str> {
        let wanted = self.hosts_of(pools);
        let open = |host: &Host| host.addresses.is_empty() && host.fault.is_none();
        self.hosts
            .iter()
            .filter(move |(name, host)| wanted.contains_key(*name) && open(host))
            .map(|(name, _)| name.as_str())
    }

    /// Takes the names that are due to be looked up.
    pub(super) fn take_due(&mut self, now: u64) -> Vec<String> {
        let due = self.hosts.iter_mut().filter(|(_, host)| host.due.is_some_and(|due| due <= now));
        due.map(|(name, host)| {
            host.due = None;
            name.clone()
        })
        .collect()
    }

    /// When the next one is; `None` if none is waiting.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.hosts.values().filter_map(|host| host.due).min()
    }

    /// Takes what became of a lookup. Unless it has ended, it is only late. `random` is uniform from 0 to 1.
    pub(super) fn answered(&mut self, host: &str, answer: Answer, ended: bool, now: u64, random: f64) -> Option<News> {
        let host = self.hosts.get_mut(host)?;
        if !ended && host.fault.is_some() {
            // That it fails is known; why this time, its end will say.
            return None;
        }
        let wait = if answer.is_ok() { host.every } else { host.every.min(RETRY) };
        if ended {
            let wait = wait.mul_f64(1.0 + JITTER * (2.0 * random - 1.0));
            host.due = Some(after(now, wait));
        }
        match answer {
            Ok(addresses) => {
                host.since = now;
                news_of_good(&mut host.addresses, &mut host.fault, addresses)
            }
            Err(reason) => {
                if ended {
                    host.failures += 1;
                    host.pools.iter().for_each(|pool| *self.failures.entry(pool.clone()).or_default() += 1);
                }
                news_of_bad(host.addresses.len(), &mut host.fault, reason)
            }
        }
    }

    /// The files that are wanted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.lists.keys().map(PathBuf::as_path)
    }

    /// Those that nobody has looked at yet.
    pub(super) fn unread(&self) -> impl Iterator<Item = &Path> {
        self.lists.iter().filter(|(_, list)| !list.read).map(|(path, _)| path.as_path())
    }

    /// Takes what a file holds.
    pub(super) fn listed(&mut self, path: &Path, read: Result<Vec<Endpoint>, String>) -> Option<News> {
        let list = self.lists.get_mut(path)?;
        list.read = true;
        match read {
            Ok(endpoints) => news_of_good(&mut list.endpoints, &mut list.fault, endpoints),
            Err(reason) => news_of_bad(list.endpoints.len(), &mut list.fault, reason),
        }
    }
}

impl Host {
    fn new(every: Duration, now: u64) -> Self {
        let (pools, addresses) = (BTreeSet::new(), Vec::new());
        Self { every, pools, due: Some(now), addresses, since: now, fault: None, failures: 0 }
    }

    /// From now on so often, be it more often than before.
    fn look_up_every(&mut self, every: Duration, now: u64) {
        self.every = every;
        self.due = self.due.map(|due| due.min(after(now, every)));
    }
}

fn after(now: u64, wait: Duration) -> u64 {
    now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
}

fn news_of_good<T: PartialEq>(known: &mut Vec<T>, fault: &mut Option<String>, new: Vec<T>) -> Option<News> {
    let mended = fault.take().is_some();
    if *known != new {
        *known = new;
        Some(News::Changed { kept: known.len() })
    } else {
        mended.then_some(News::Mended)
    }
}

fn news_of_bad(kept: usize, fault: &mut Option<String>, reason: String) -> Option<News> {
    let known = fault.as_ref() == Some(&reason);
    *fault = Some(reason.clone());
    (!known).then_some(News::Broken { reason, kept })
}

#[cfg(test)]
mod tests;
