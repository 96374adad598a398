//! One page of the customer, as Lado holds it: mirror, mask, and where its stream of batches stands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use super::by_hand::ByHand;
use super::drift::SETTLED;
use super::frames::Framed;
use super::queue::PageQueue;
use crate::lock::Allowed;
use crate::mask::{AssetMap as _, Frame, Gone, Mask, Masked};
use crate::mirror::{Finding, Limits, Mirror, MirrorError};
use crate::protocol::{Cap, Drawing, MASK, Native, Op, ViewerNotice};
use crate::rewrite::url::{Site, ViewMap};
use crate::session::{PageInfo, Session, Showing};

/// A page compares a stretch of itself at a time.
const MAX_GROUPS: usize = 64;
/// A page that differs from its mirror this often will go on to: it is left as it is for a while.
const MAX_MENDS: u32 = 12;
/// In this time one of them is forgotten.
const FORGIVEN: Duration = Duration::from_secs(600);
/// Of what a browser shows outside the page agents read the beginning.
const MAX_OUTSIDE: usize = 4096;
/// Batches on their way when a snapshot is asked for.
const MAX_IGNORED: u32 = 32;
/// A page that was too much may be less after a while; it costs the customer's browser a snapshot to find out.
const RETRY: Duration = Duration::from_secs(30);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// A document load in a browser tab.
pub(super) struct Page {
    /// Random for each browser tab; a tab shows one page at a time.
    pub tab: String,
    /// A document in a frame, which is in no tab, nor ever in front.
    pub framed: Option<Framed>,
    /// The number of the tab or of the frame's page, by which viewers name it.
    pub number: u32,
    /// The view host that the page's socket was opened on: what the page says of itself cannot change it.
    pub site: Site,
    pub mirror: Mirror,
    pub mask: Mask,
    /// The last sequence number that the mirror holds.
    pub received: u32,
    /// The next batch must begin with a snapshot.
    pub wants_snapshot: bool,
    /// Batches that came before it.
    ignored: u32,
    /// The page's own count of its snapshots.
    pub epoch: u32,
    pub link: Option<Link>,
    /// When the socket dropped.
    pub lost: Option<Instant>,
    /// The socket stands, but nothing has come through it for too long.
    pub quiet: bool,
    /// The last round trip.
    pub latency: Option<Duration>,
    /// What the customer's browser shows outside the page, in the page's words.
    natives: Vec<(Native, String)>,
    /// What agents have put over the page to stay there.
    pub drawings: Vec<Allowed<Drawing>>,
    pub by_hand: ByHand,
    pub visible: bool,
    /// Counts up each time the page comes to the front.
    pub shown: u64,
    /// The connection that the page last said hello on: of a tab's pages the last one is the tab's.
    pub arrived: u64,
    mends: Mends,
    /// When it was last read more slowly than it sends.
    pub fast: Option<Instant>,
    /// The page is too much to be mirrored, for now.
    pub capped: Option<Capped>,
    /// When it will have been on its path for long enough to be compared with others.
    pub settles: Option<Instant>,
    /// The assets that viewers may load as long as the mirror shows them.
    assets: Showing,
    limits: Limits,
}

/// The page's socket.
pub(super) struct Link {
    pub connection: u64,
    pub queue: Arc<PageQueue>,
    pub resyncs: u32,
}

/// What a page had too much of, and when it is asked again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capped {
    pub cap: Cap,
    pub since: Instant,
    pub wait: Duration,
}

fn cap_of(error: &MirrorError) -> Option<Cap> {
    match error {
        MirrorError::Nodes(_) => Some(Cap::Nodes),
        MirrorError::Bytes(_) => Some(Cap::Bytes),
        MirrorError::Depth(_) => Some(Cap::Depth),
        _ => None,
    }
}

/// How often the mirror was found to differ from the page, and put right.
struct Mends {
    count: u32,
    /// When one was last forgotten.
    since: Instant,
}

impl Mends {
    fn forgive(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= FORGIVEN {
            *self = Self { count: self.count.saturating_sub(1), since: now };
        }
    }
}

/// What became of a batch.
pub(super) enum Taken {
    /// Held before already, or dropped while a snapshot is awaited.
    Nothing,
    /// What viewers may know of it; `snapshot` when it replaces the whole page. `wrong` is where the mirror was found
    /// not to be the page.
    Ops { ops: Vec<Masked<Op>>, snapshot: bool, wrong: Option<Finding> },
    /// It does not follow what came before, or does not fit the mirror.
    Lost,
    /// The page is more than Lado holds.
    Capped(Cap),
}

impl Page {
    pub fn new(tab: String, number: u32, site: Site, session: &Arc<Session>, limits: Limits) -> Self {
        let mask = Mask::new(session.company.rules.for_site(site.host()));
        Self {
            framed: tab.is_empty().then(Framed::new),
            tab,
            number,
            site,
            mirror: Mirror::new(limits),
            mask,
            received: 0,
            wants_snapshot: true,
            ignored: 0,
            epoch: 0,
            link: None,
            lost: None,
            quiet: false,
            latency: None,
            natives: Vec::new(),
            drawings: Vec::new(),
            by_hand: ByHand::default(),
            visible: false,
            shown: 0,
            arrived: 0,
            mends: Mends { count: 0, since: Instant::now() },
            fast: None,
            capped: None,
            settles: None,
            assets: session.showing(),
            limits,
        }
    }

    /// Applies a batch of changes.
    pub fn take(&mut self, seq: u32, ops: Vec<Op>, session: &Session) -> Taken {
        let snapshot = matches!(ops.first(), Some(Op::Snapshot { .. }));
        if self.wants_snapshot && !snapshot {
            self.ignored += 1;
            // What was on its way is over by now: the page does not know that it is to begin anew.
            let again = self.ignored.is_multiple_of(MAX_IGNORED) && self.capped.is_none();
            return if again { Taken::Lost } else { Taken::Nothing };
        }
        if !self.wants_snapshot {
            if seq <= self.received {
                return Taken::Nothing;
            }
            if seq != self.received + 1 {
                self.lose(session);
                return Taken::Lost;
            }
        }
        match self.apply(ops, session) {
            Ok((ops, wrong)) => {
                self.received = seq;
                self.wants_snapshot = false;
                self.ignored = 0;
                if snapshot {
                    self.capped = None;
                }
                Taken::Ops { ops, snapshot, wrong }
            }
            Err(error) => {
                tracing::warn!(session = %session.id, %error, "a batch does not fit the mirror");
                self.lose(session);
                match cap_of(&error) {
                    Some(cap) => {
                        self.cap(cap);
                        Taken::Capped(cap)
                    }
                    None => Taken::Lost,
                }
            }
        }
    }

    fn apply(&mut self, ops: Vec<Op>, session: &Session) -> Result<(Vec<Masked<Op>>, Option<Finding>), MirrorError> {
        let mut masked = Vec::with_capacity(ops.len());
        let mut wrong = None;
        for mut op in ops {
            match &mut op {
                Op::Snapshot { epoch, url, .. } => {
                    self.epoch = *epoch;
                    self.settles = Some(Instant::now() + SETTLED);
                    *url = self.honest(url, &session.views);
                }
                Op::SetUrl { url } => {
                    *url = self.honest(url, &session.views);
                    self.settles = Some(Instant::now() + SETTLED);
                }
                Op::Check { node, sums } => {
                    let finding = self.compare(*node, sums);
                    if finding != Some(Finding::Same) {
                        wrong = wrong.or(finding);
                        continue;
                    }
                }
                _ => {}
            }
            masked.extend(self.mask.process(&mut self.mirror, op, &mut &self.assets)?);
        }
        Ok((masked, wrong))
    }

    /// Nothing where there is nothing to compare, or no use in it.
    fn compare(&mut self, node: u32, sums: &[u32]) -> Option<Finding> {
        self.mends.forgive(Instant::now());
        if sums.len() > MAX_GROUPS || self.is_given_up() {
            return None;
        }
        let finding = self.mirror.compare(node, sums);
        self.mends.count += u32::from(finding != Finding::Same);
        Some(finding)
    }

    /// It is left to differ from its mirror, for now.
    pub fn is_given_up(&self) -> bool {
        self.mends.count > MAX_MENDS
    }

    /// A page may say on which path it is, never on which site: agents trust the address they read, and rules hang on it.
    fn honest(&self, said: &str, views: &ViewMap) -> String {
        let Ok(said) = Url::parse(said) else { return self.site.url().into() };
        let said = views.unmap(&said).unwrap_or(said);
        if Site::of(&said).as_ref() == Some(&self.site) {
            return said.into();
        }
        let mut url = self.site.url();
        if said.has_host() {
            url.set_path(said.path());
        }
        url.into()
    }

    /// The page is too much: it is asked for a snapshot later, and later each time.
    fn cap(&mut self, cap: Cap) {
        let wait = self.capped.take().map_or(RETRY, |capped| (capped.wait * 2).min(LAST_RETRY));
        self.capped = Some(Capped { cap, wait, since: Instant::now() });
    }

    /// The page says of itself that it is more than a message holds.
    pub fn too_large(&mut self, session: &Session) {
        self.lose(session);
        self.cap(Cap::Bytes);
    }

    /// Whether viewers can be shown it, or why not.
    pub fn shows(&self) -> bool {
        self.ready() || self.capped.is_some()
    }

    /// The mirror is no longer the page: start over with its next snapshot.
    fn lose(&mut self, session: &Session) {
        self.mirror = Mirror::new(self.limits);
        let taint = self.mask.taint();
        self.mask = Mask::new(session.company.rules.for_site(self.site.host()));
        self.mask.set_taint(taint);
        (&self.assets).gone(Gone::All);
        self.wants_snapshot = true;
    }

    /// Connected, or gone for so short a time that it may just be between two sockets.
    pub fn is_here(&self, now: Instant) -> bool {
        self.lost.is_none_or(|lost| now.saturating_duration_since(lost) < super::AWAY)
    }

    /// What is sent to it now may not arrive.
    pub fn is_away(&self) -> bool {
        self.link.is_none() || self.quiet
    }

    pub fn ready(&self) -> bool {
        self.mirror.ready()
    }

    /// The whole page for a viewer.
    pub fn snapshot(&self, seq: u32, session: &Session) -> Frame {
        if session.is_paused() {
            return Frame::ops(seq, &Mask::blank(&self.mirror, self.epoch));
        }
        Frame::ops(seq, &self.mask.snapshot(&self.mirror, self.epoch, &mut &self.assets))
    }

    /// The browser shows something outside the page, or has put it away: what viewers are told.
    pub fn outside(&mut self, native: Native, shown: bool, text: &str) -> ViewerNotice {
        self.natives.retain(|(known, _)| *known != native);
        if shown {
            let kept = if text.len() > MAX_OUTSIDE { MASK } else { text };
            self.natives.push((native, kept.to_owned()));
        }
        self.native(native, shown, text)
    }

    fn native(&self, native: Native, shown: bool, text: &str) -> ViewerNotice {
        ViewerNotice::Native { native, shown, text: self.mask.outside(text).as_ref().clone() }
    }

    /// What is outside the page now, for a viewer that comes to it.
    pub fn natives(&self) -> impl Iterator<Item = ViewerNotice> {
        self.natives.iter().map(|(native, text)| self.native(*native, true, text))
    }

    /// The same, for one that leaves it, or that the page leaves.
    pub fn natives_away(&self) -> Vec<ViewerNotice> {
        self.natives.iter().map(|(native, _)| self.native(*native, false, "")).collect()
    }

    /// The page's script is at work again and says anew what there is.
    pub fn put_away(&mut self) -> Vec<ViewerNotice> {
        let away = self.natives_away();
        self.natives.clear();
        away
    }

    /// The customer hides an element: what viewers must forget of it.
    pub fn hide(&mut self, node: u32) -> Vec<Masked<Op>> {
        self.mask.hide(&self.mirror, node, &mut &self.assets)
    }

    /// The company has other rules: what viewers must forget of the page.
    pub fn rules_changed(&mut self, session: &Session) -> Vec<Masked<Op>> {
        let rules = session.company.rules.for_site(self.site.host());
        self.mask.reload(&self.mirror, rules, &mut &self.assets)
    }

    /// The session has learnt what a masked field holds: what viewers must forget of it.
    pub fn recall(&mut self) -> Vec<Masked<Op>> {
        self.mask.recall(&self.mirror, &mut &self.assets)
    }

    /// The icon as viewers may load it.
    pub fn icon(&self) -> String {
        self.mask.icon(&self.mirror, &mut &self.assets).as_ref().clone()
    }

    /// What a list of sessions may say of the page.
    pub fn info(&self) -> PageInfo {
        PageInfo {
            title: self.mask.title(&self.mirror).as_ref().clone(),
            url: self.mask.url(&self.mirror).as_ref().clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_long_ago_is_forgotten() {
        let began = Instant::now();
        let mut mends = Mends { count: 2, since: began };
        let after = |minutes: u64| began + Duration::from_secs(60 * minutes);
        let counts = [1, 11, 12, 22, 40].map(|minutes| {
            mends.forgive(after(minutes));
            mends.count
        });
        assert_eq!(counts, [2, 1, 1, 0, 0]);
    }
}
