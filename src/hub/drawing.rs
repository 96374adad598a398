//! What agents put over the page: relayed to the customer's page and to every viewer, and kept while it stays.

use super::page::Page;
use super::{Hub, Inner, Viewer, ViewerLink};
use crate::lock::{self as locks, Control, Denied};
use crate::mask;
use crate::protocol::{Drawing, Refusal, Shape, ViewerNotice};
use crate::session::{Role, lock};

/// More drawings than these that stay at once hide the page: the oldest goes.
const MAX_DRAWINGS: usize = 100;

impl Hub {
    /// An agent draws. Whoever sees the same page sees it, as far as the customer lets agents point.
    pub fn draw(&self, from: &ViewerLink, id: u32, colour: u32, stays: bool, shape: Shape) {
        let mut inner = lock(&self.inner);
        self.session.touch();
        if let Err(denied) = self.try_draw(&mut inner, from, id, colour, stays, shape) {
            let notice = ViewerNotice::Acted { id: 0, refusal: Some(denied.refusal), rule: denied.rule };
            from.queue.notice(mask::Frame::notice(&notice));
        }
    }

    fn try_draw(
        &self,
        inner: &mut Inner,
        from: &ViewerLink,
        id: u32,
        colour: u32,
        stays: bool,
        shape: Shape,
    ) -> Result<(), Denied> {
        let gone = || Denied { refusal: Refusal::Gone, rule: String::new() };
        if self.session.is_paused() {
            return Err(Denied { refusal: Refusal::Paused, rule: String::new() });
        }
        let viewer = inner.viewers.get(&from.id()).ok_or_else(gone)?;
        // A supervisor's drawings say whose they are; to move the customer's page is to act.
        if viewer.agent.role == Role::Supervisor && matches!(shape, Shape::Ping { .. }) {
            return Err(Denied { refusal: Refusal::NotAllowed, rule: String::new() });
        }
        // What the viewer shows is not what the customer sees: the same id may be another element by now.
        if viewer.seen != Some(viewer.epoch) {
            return Err(gone());
        }
        let drawing = Drawing {
            participant: viewer.participant,
            name: viewer.agent.display.clone(),
            role: viewer.agent.role.as_str().to_owned(),
            id,
            colour,
            stays,
            shape,
        };
        let showing = viewer.showing.clone().ok_or_else(gone)?;
        let page = inner.pages.get_mut(&showing).ok_or_else(gone)?;
        let allowed = locks::drawing(&page.mirror, &page.mask, self.session.level(), drawing)?;
        let drawing = allowed.as_ref().clone();
        if let Some(link) = &page.link {
            link.queue.control(locks::Frame::control(&Control::Draw { drawing: allowed.clone() }));
        }
        // One that vanishes does so in the customer's sight, or where they are away when they are back.
        let waits = page.is_away() && !matches!(drawing.shape, Shape::Trail { .. });
        if stays || waits {
            let same = |other: &Drawing| (other.participant, other.id) == (drawing.participant, drawing.id);
            page.drawings.retain(|other| !same(other.as_ref()));
            if page.drawings.len() >= MAX_DRAWINGS {
                page.drawings.remove(0);
            }
            page.drawings.push(allowed);
        }
        let frame = mask::Frame::notice(&ViewerNotice::Draw { drawing });
        // The one who drew sees it already.
        let sees = |viewer: &Viewer| viewer.showing.as_ref() == Some(&showing);
        let others = inner.viewers.iter().filter(|(id, viewer)| **id != from.id() && sees(viewer));
        others.for_each(|(_, viewer)| viewer.queue.notice(frame.clone()));
        Ok(())
    }

    /// An agent takes one of their own drawings away, or with 0 all of them.
    pub fn erase(&self, from: &ViewerLink, id: u32) {
        let mut inner = lock(&self.inner);
        let Some(viewer) = inner.viewers.get(&from.id()) else { return };
        let (participant, showing) = (viewer.participant, viewer.showing.clone());
        if let Some(page) = showing {
            inner.erase(&page, participant, id);
        }
    }
}

impl Inner {
    /// Takes drawings away everywhere: `participant` and `id` may be 0 for all.
    pub(super) fn erase(&mut self, page: &str, participant: u32, id: u32) {
        let Some(found) = self.pages.get_mut(page) else { return };
        let matches =
            |other: &Drawing| (participant == 0 || other.participant == participant) && (id == 0 || other.id == id);
        found.drawings.retain(|drawing| !matches(drawing.as_ref()));
        if let Some(link) = &found.link {
            link.queue.control(locks::Frame::control(&Control::Erase { participant, id }));
        }
        self.tell_of(page, &ViewerNotice::Erase { participant, id });
    }

    /// The customer takes back that agents may point.
    pub(super) fn erase_all(&mut self) {
        let pages: Vec<String> = self.pages.keys().cloned().collect();
        for page in pages {
            self.erase(&page, 0, 0);
        }
    }
}

impl Page {
    /// The page has connected again: what is drawn on it is put there again.
    pub(super) fn redraw(&mut self) {
        let Some(link) = &self.link else { return };
        for drawing in &self.drawings {
            link.queue.control(locks::Frame::control(&Control::Draw { drawing: drawing.clone() }));
        }
        self.forget_waiting();
    }

    /// What vanishes has been shown.
    pub(super) fn forget_waiting(&mut self) {
        self.drawings.retain(|drawing| drawing.as_ref().stays);
    }

    /// What a viewer that comes to this page is to show on it.
    pub(super) fn drawn(&self) -> Vec<mask::Frame> {
        let stay = self.drawings.iter().filter(|drawing| drawing.as_ref().stays);
        let drawn = stay.map(|drawing| ViewerNotice::Draw { drawing: drawing.as_ref().clone() });
        drawn.map(|notice| mask::Frame::notice(&notice)).collect()
    }
}
