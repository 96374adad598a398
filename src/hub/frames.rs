//! Frames of other origins: each document in one is a page of its own, and shows where the page around it says.
//!
//! Lado gives such a document a nonce. Its script says that, and nothing else, to the page around it by `postMessage`; the
//! page's script tells Lado on which of its elements it has heard it. A page can place only what has told it where it is.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::page::Page;
use super::{AWAY, Hub, HubError, Inner, Viewer};
use crate::id::Secret;
use crate::lock::{self as locks, Control, Denied};
use crate::mask;
use crate::protocol::{Action, FrameAt, Refusal, ViewerNotice};

/// A frame in a frame in a frame: deeper than this, agents see none.
const MAX_DEPTH: usize = 8;

/// What a page in a frame is to the page around it.
#[derive(Debug)]
pub(super) struct Framed {
    nonce: String,
    /// The page that told the nonce first: to any other it is good for nothing.
    around: Option<String>,
    /// The element of that page, where viewers may see what is in it.
    node: Option<u32>,
}

impl Framed {
    pub fn new() -> Self {
        Self { nonce: Secret::random().reveal(), around: None, node: None }
    }

    pub fn control(&self) -> locks::Frame {
        locks::Frame::control(&Control::Frame { nonce: self.nonce.clone() })
    }

    /// Whether viewers may see it.
    pub fn shows(&self) -> bool {
        self.node.is_some()
    }
}

impl Hub {
    /// A document in a frame comes: there are only so many. Those that have lost their socket make room.
    pub(super) fn room_for_frame(&self, inner: &mut Inner, name: &str) -> Result<(), HubError> {
        let frames = || inner.pages.iter().filter(|(_, page)| page.framed.is_some());
        if inner.pages.contains_key(name) || frames().count() < self.config.max_frames {
            return Ok(());
        }
        let lost = frames().filter(|(_, page)| page.link.is_none()).min_by_key(|(_, page)| page.lost);
        let lost = lost.map(|(name, _)| name.clone()).ok_or(HubError::Frames)?;
        inner.drop_page(&lost);
        Ok(())
    }

    /// After a change of a page: viewers see the frames that they may see now, and no others.
    pub(super) fn frames_changed(&self, inner: &mut Inner, page: &str) {
        let has_frames = inner.pages.get(page).is_some_and(|page| page.mirror.frames().next().is_some());
        let had_frames = || inner.pages.values().any(|inside| inside.framed.as_ref().is_some_and(|it| it.is_in(page)));
        if (has_frames || had_frames()) && inner.place_frames() {
            self.bring_to_front(inner);
        }
    }
}

impl Framed {
    fn is_in(&self, page: &str) -> bool {
        self.node.is_some() && self.around.as_deref() == Some(page)
    }
}

impl Inner {
    /// Finds out where viewers may see which frame; whether that is news. Only what is inside of a tab's page shows, so
    /// frames in a circle show nowhere.
    pub(super) fn place_frames(&mut self) -> bool {
        if self.pages.values().all(|page| page.framed.is_none()) {
            return false;
        }
        let by_nonce: HashMap<String, String> = self
            .pages
            .iter()
            .filter_map(|(name, page)| Some((page.framed.as_ref()?.nonce.clone(), name.clone())))
            .collect();
        let mut told: BTreeMap<String, Vec<(String, Option<u32>)>> = BTreeMap::new();
        for (around, page) in &self.pages {
            for (node, nonce) in page.mirror.frames() {
                let Some(name) = by_nonce.get(nonce) else { continue };
                let shown = page.mask.shows_frame(node).then(|| node.id());
                told.entry(around.clone()).or_default().push((name.clone(), shown));
            }
        }
        for (around, inside) in &told {
            for (name, _) in inside {
                if let Some(framed) = self.pages.get_mut(name).and_then(|page| page.framed.as_mut()) {
                    framed.around.get_or_insert_with(|| around.clone());
                }
            }
        }
        let mut placed: HashMap<String, u32> = HashMap::new();
        let mut edge: Vec<String> =
            self.pages.iter().filter(|(_, page)| page.framed.is_none()).map(|(name, _)| name.clone()).collect();
        for _ in 0..MAX_DEPTH {
            let inside = edge.iter().filter_map(|around| Some((around, told.get(around)?)));
            let mut next = Vec::new();
            for (around, (name, shown)) in inside.flat_map(|(around, inside)| inside.iter().map(move |it| (around, it)))
            {
                let framed = self.pages.get(name).and_then(|page| page.framed.as_ref());
                let own = framed.is_some_and(|framed| framed.around.as_ref() == Some(around));
                if let Some(node) = shown.filter(|_| own && !placed.contains_key(name)) {
                    placed.insert(name.clone(), node);
                    next.push(name.clone());
                }
            }
            edge = next;
        }
        let mut news = false;
        for (name, page) in &mut self.pages {
            if let Some(framed) = &mut page.framed {
                let node = placed.get(name).copied();
                news |= std::mem::replace(&mut framed.node, node) != node;
            }
        }
        news
    }

    /// The frames that viewers see in a page.
    fn frames_in(&self, page: &str) -> Vec<FrameAt> {
        let inside = |page_in: &Page| {
            let framed = page_in.framed.as_ref().filter(|framed| framed.is_in(page))?;
            Some(FrameAt { node: framed.node?, page: page_in.number })
        };
        let mut frames: Vec<FrameAt> = self.pages.values().filter_map(inside).collect();
        frames.sort_by_key(|frame| (frame.node, frame.page));
        frames
    }

    /// The page that a frame's number stands for, where viewers may see it.
    pub(super) fn frame_page(&self, number: u32) -> Option<String> {
        let shows = |page: &Page| page.number == number && page.framed.as_ref().is_some_and(Framed::shows);
        self.pages.iter().find(|(_, page)| shows(page)).map(|(name, _)| name.clone())
    }

    /// Tells a viewer which frames show in its page, when that has changed.
    pub(super) fn tell_frames(&self, viewer: &mut Viewer, paused: bool) {
        let showing = viewer.showing.as_deref().filter(|_| !paused);
        let frames = showing.map(|page| self.frames_in(page)).unwrap_or_default();
        if viewer.frames != frames {
            viewer.frames.clone_from(&frames);
            viewer.queue.notice(mask::Frame::notice(&ViewerNotice::Frames { frames }));
        }
    }

    /// An action in a frame is one on the frame, too: what is locked around it is locked in it.
    pub(super) fn check_around(&self, page: &Page, action: &Action) -> Result<(), Denied> {
        let mut inside = page;
        for _ in 0..=MAX_DEPTH {
            let Some(framed) = &inside.framed else { return Ok(()) };
            let around = framed.around.as_ref().and_then(|name| self.pages.get(name)).zip(framed.node);
            let (around, node) = around.ok_or(Denied { refusal: Refusal::Gone, rule: String::new() })?;
            locks::check_frame(&around.mirror, &around.mask, node, action)?;
            inside = around;
        }
        Err(Denied { refusal: Refusal::Gone, rule: String::new() })
    }

    /// Frames whose socket is gone while that of the page around them stands: the customer has left them.
    pub(super) fn left_frames(&self, now: Instant) -> Vec<String> {
        let left = |page: &Page| {
            let Some(framed) = &page.framed else { return false };
            let around = framed.around.as_ref().and_then(|name| self.pages.get(name));
            let gone = page.lost.is_some_and(|lost| now.saturating_duration_since(lost) >= AWAY);
            gone && around.is_none_or(|around| around.link.is_some())
        };
        self.pages.iter().filter(|(_, page)| left(page)).map(|(name, _)| name.clone()).collect()
    }
}
