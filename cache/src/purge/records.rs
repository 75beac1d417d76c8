//! What was purged, in few words: for each URL, tag and prefix, when it was last.

use crate::head::Head;
use crate::labels::{Generation, Tag, UrlHash};
use crate::purge::Verdict;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Included, Unbounded};
use std::time::SystemTime;

/// Soft purges of one thing that are told apart. What was asked for between older ones counts as stale for longer.
const SOFT_MAX: usize = 4;
/// URLs that are told apart by their whole hash. There is a purge of one with every successful unsafe request, so anybody
/// can bring about any number of them.
const URLS_MAX: usize = 1 << 15;
/// Groups of URLs that are told apart beyond that. With each further purge one in so many objects is lost for nothing.
const GROUPS: usize = 1 << 19;
/// Tags and prefixes that are remembered. Who purges more at a time purges all.
const OTHERS_MAX: usize = 1 << 16;
/// What one record takes beside the text of a prefix: key, stamp, and the tables' and the allocator's share.
const RECORD_BYTES: usize = 128;

/// What a purge is about, as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    Url(UrlHash),
    Tag(Tag),
    /// Of the text of URLs.
    Prefix(Box<[u8]>),
    All,
}

impl Mark {
    /// Whether an object is meant, whenever it was asked for.
    pub(crate) fn means(&self, head: &Head) -> bool {
        match self {
            Mark::Url(url) => head.url() == *url,
            Mark::Tag(tag) => head.labels().tags.contains(tag),
            Mark::Prefix(prefix) => head.url_text().starts_with(prefix),
            Mark::All => true,
        }
    }
}

/// One purge of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) mark: Mark,
    pub(crate) generation: Generation,
    /// When, if it is a soft one: what is older is stale since then. Else it is gone.
    pub(crate) softened: Option<SystemTime>,
}

/// The purges of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stamp {
    hard: Generation,
    /// In order of their generations.
    soft: Vec<(Generation, SystemTime)>,
}

impl Stamp {
    fn add(&mut self, generation: Generation, softened: Option<SystemTime>) {
        let Some(at) = softened else {
            self.hard = self.hard.max(generation);
            return;
        };
        let after = self.soft.partition_point(|(other, _)| *other <= generation);
        self.soft.insert(after, (generation, at));
        if self.soft.len() > SOFT_MAX {
            let (_, oldest) = self.soft.remove(0);
            self.soft[0].1 = oldest;
        }
    }

    /// Says of what is cleared up to `cleared` what these purges add.
    fn judge(&self, cleared: Generation, sentence: &mut Sentence) {
        sentence.gone |= self.hard > cleared;
        let softened = self.soft.iter().filter(|(generation, _)| *generation > cleared).map(|(_, at)| *at).min();
        sentence.softened = [sentence.softened, softened].into_iter().flatten().min();
    }

    fn newest(&self) -> Generation {
        self.soft.last().map_or(self.hard, |(generation, _)| self.hard.max(*generation))
    }
}

/// What several stamps say together.
#[derive(Debug, Default)]
struct Sentence {
    gone: bool,
    softened: Option<SystemTime>,
}

/// All purges of a zone that anything could still be older than.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Records {
    /// What is not cleared up to here is gone: the purges before it have been forgotten.
    floor: Generation,
    all: Stamp,
    urls: HashMap<UrlHash, Stamp>,
    /// When a URL of each group was last purged, if there were too many for `urls`; else empty.
    groups: Vec<Generation>,
    tags: HashMap<Tag, Stamp>,
    prefixes: BTreeMap<Box<[u8]>, Stamp>,
    prefix_bytes: usize,
}

impl Records {
    pub(crate) fn add(&mut self, record: &Record) {
        let stamp = match &record.mark {
            Mark::Url(url) => self.urls.entry(*url).or_default(),
            Mark::Tag(tag) => self.tags.entry(*tag).or_default(),
            Mark::All => &mut self.all,
            Mark::Prefix(prefix) => {
                if !self.prefixes.contains_key(prefix) {
                    self.prefix_bytes += prefix.len();
                }
                self.prefixes.entry(prefix.clone()).or_default()
            }
        };
        stamp.add(record.generation, record.softened);
    }

    /// Whether it would be good to [`Records::forget`] soon.
    pub(crate) fn is_crowded(&self) -> bool {
        self.urls.len() > URLS_MAX / 2 || self.tags.len() + self.prefixes.len() > OTHERS_MAX / 2
    }

    /// Remembers less exactly, if it is too much: what is purged then is more. Says whether it did.
    pub(crate) fn fit(&mut self, now: Generation) -> bool {
        let (too_many_urls, too_many_others) =
            (self.urls.len() > URLS_MAX, self.tags.len() + self.prefixes.len() > OTHERS_MAX);
        if too_many_urls {
            self.groups.resize(GROUPS, Generation::default());
            for (url, stamp) in self.urls.drain() {
                let group = &mut self.groups[url.0 as usize % GROUPS];
                *group = stamp.newest().max(*group);
            }
        }
        if too_many_others {
            self.forget(now);
        }
        too_many_urls || too_many_others
    }

    /// How many things are remembered.
    pub(crate) fn len(&self) -> usize {
        let all = usize::from(self.all != Stamp::default());
        all + self.urls.len() + self.tags.len() + self.prefixes.len()
    }

    /// The memory that takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * RECORD_BYTES + self.prefix_bytes + size_of_val(&*self.groups)
    }

    pub(crate) fn floor(&self) -> Generation {
        self.floor
    }

    /// What they say of an object that none did away with up to `cleared`.
    pub(crate) fn judge(&self, head: &Head, cleared: Generation) -> Verdict {
        let mut sentence = Sentence { gone: cleared < self.floor, softened: None };
        self.all.judge(cleared, &mut sentence);
        let group = self.groups.get(head.url().0 as usize % GROUPS);
        sentence.gone |= group.is_some_and(|purged| *purged > cleared);
        if let Some(stamp) = self.urls.get(&head.url()) {
            stamp.judge(cleared, &mut sentence);
        }
        for stamp in head.labels().tags.iter().filter_map(|tag| self.tags.get(tag)) {
            stamp.judge(cleared, &mut sentence);
        }
        self.each_prefix_of(head.url_text(), |stamp| stamp.judge(cleared, &mut sentence));
        match sentence {
            Sentence { gone: true, .. } => Verdict::Gone,
            Sentence { softened: Some(since), .. } => Verdict::Soft { since },
            Sentence { .. } => Verdict::Live,
        }
    }

    /// Goes down from the text itself: the greatest prefix not above it is one of its own, or shows where to go on.
    fn each_prefix_of(&self, text: &[u8], mut meet: impl FnMut(&Stamp)) {
        let mut below = Some(text);
        while let Some(bound) = below {
            let Some((prefix, stamp)) = self.prefixes.range::<[u8], _>((Unbounded, Included(bound))).next_back() else {
                return;
            };
            let common = prefix.iter().zip(bound).take_while(|(ours, theirs)| ours == theirs).count();
            if common == prefix.len() {
                meet(stamp);
                below = common.checked_sub(1).map(|shorter| &text[..shorter]);
            } else {
                below = Some(&text[..common]);
            }
        }
    }

    /// Forgets the purges up to a generation. From now on what is not cleared up to it is gone.
    pub(crate) fn forget(&mut self, until: Generation) {
        let newer = |stamp: &Stamp| stamp.newest() > until;
        if !newer(&self.all) {
            self.all = Stamp::default();
        }
        self.urls.retain(|_, stamp| newer(stamp));
        self.tags.retain(|_, stamp| newer(stamp));
        self.prefixes.retain(|_, stamp| newer(stamp));
        if self.groups.iter().all(|purged| *purged <= until) {
            self.groups = Vec::new();
        }
        self.prefix_bytes = self.prefixes.keys().map(|prefix| prefix.len()).sum();
        self.urls.shrink_to(self.urls.len() * 2);
        self.tags.shrink_to(self.tags.len() * 2);
        self.floor = self.floor.max(until);
    }

    /// Does away with all that is not cleared up to there.
    pub(crate) fn raise_floor(&mut self, floor: Generation) {
        self.floor = self.floor.max(floor);
    }

    /// The same purges with another generation each, as if all of them had been made then.
    pub(crate) fn restamp(&mut self, generation: Generation) {
        let mut restamped = Records::default();
        for record in self.iter() {
            restamped.add(&Record { generation, ..record });
        }
        if self.floor > Generation::default() || !self.groups.is_empty() {
            restamped.floor = generation;
        }
        *self = restamped;
    }

    /// The groups of which a URL was purged.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (usize, Generation)> + '_ {
        let purged = |(_, purged): &(usize, Generation)| *purged > Generation::default();
        self.groups.iter().copied().enumerate().filter(purged)
    }

    /// Notes that a URL of a group was purged.
    pub(crate) fn add_group(&mut self, group: usize, purged: Generation) {
        self.groups.resize(GROUPS, Generation::default());
        let group = &mut self.groups[group % GROUPS];
        *group = purged.max(*group);
    }

    /// Takes in what others say.
    pub(crate) fn add_all(&mut self, others: &Records) {
        self.floor = self.floor.max(others.floor);
        others.iter().for_each(|record| self.add(&record));
        others.groups().for_each(|(group, purged)| self.add_group(group, purged));
    }

    /// Whether any is as old as that.
    pub(crate) fn has_any_until(&self, until: Generation) -> bool {
        self.groups().any(|(_, purged)| purged <= until) || self.iter().any(|record| record.generation <= until)
    }

    /// All that would have to be added to make the same records anew, beside floor and groups.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Record> + '_ {
        let all = Some((Mark::All, &self.all)).into_iter();
        let urls = self.urls.iter().map(|(url, stamp)| (Mark::Url(*url), stamp));
        let tags = self.tags.iter().map(|(tag, stamp)| (Mark::Tag(*tag), stamp));
        let prefixes = self.prefixes.iter().map(|(prefix, stamp)| (Mark::Prefix(prefix.clone()), stamp));
        all.chain(urls).chain(tags).chain(prefixes).flat_map(|(mark, stamp)| {
            let hard = Some((stamp.hard, None)).filter(|(generation, _)| *generation > Generation::default());
            let soft = stamp.soft.iter().map(|(generation, at)| (*generation, Some(*at)));
            let record = move |(generation, softened)| Record { mark: mark.clone(), generation, softened };
            hard.into_iter().chain(soft).map(record)
        })
    }
}
