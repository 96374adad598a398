//! Queues between the hub and the sockets: bounded, with newer pointers in place of older ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::session::lock;
use crate::{lock as locks, mask};

/// A viewer that leaves more than this unread has its queue dropped and gets a fresh snapshot.
const MAX_VIEWER_BYTES: usize = 1024 * 1024;
/// Notices are a few bytes; a viewer that leaves this many unread is gone.
const MAX_NOTICES: usize = 1024;
/// A page that leaves this many commands unread is gone.
const MAX_COMMANDS: usize = 1024;

/// What a viewer's socket does next.
#[derive(Debug, PartialEq, Eq)]
pub enum ForViewer {
    Send(mask::Frame),
    /// The viewer has been sent all there is of this epoch: ask it for a sign once it has got so far.
    Barrier(u32),
    /// The queue was dropped: put a snapshot in.
    Snapshot,
    /// Nothing follows.
    Close,
}

#[derive(Default)]
pub struct ViewerQueue {
    inner: Mutex<ViewerInner>,
    ready: Notify,
}

#[derive(Default)]
struct ViewerInner {
    notices: VecDeque<mask::Frame>,
    pointer: Option<mask::Frame>,
    frames: VecDeque<Part>,
    bytes: usize,
    stale: bool,
    /// The socket has sent all there was.
    idle: bool,
    closed: bool,
}

enum Part {
    Frame(mask::Frame),
    /// Not counted: else a page of more than the limit would never get through.
    Snapshot(mask::Frame),
    Barrier(u32),
}

impl ViewerQueue {
    /// Changes of the page in front. False when there was no room for them, and all that waited was dropped.
    pub fn ops(&self, frame: mask::Frame) -> bool {
        let mut inner = lock(&self.inner);
        if inner.stale || inner.closed {
            return true;
        }
        let fits = inner.bytes == 0 || inner.bytes + frame.bytes().len() <= MAX_VIEWER_BYTES;
        if fits {
            inner.push(frame);
        } else {
            inner.drop_frames();
            inner.stale = true;
        }
        drop(inner);
        self.ready.notify_one();
        fits
    }

    /// Bytes of ops that wait.
    pub fn waiting(&self) -> usize {
        lock(&self.inner).bytes
    }

    /// The whole page has changed. A viewer that has read all there was gets it at once; one that is behind asks for it
    /// when it has read what is on its way: nothing of a page's size waits for it.
    pub fn replace(&self, frame: mask::Frame, epoch: u32) {
        if lock(&self.inner).idle { self.snapshot(frame, epoch) } else { self.spoil() }
    }

    /// The whole page: takes the place of all that waits.
    pub fn snapshot(&self, frame: mask::Frame, epoch: u32) {
        let mut inner = lock(&self.inner);
        inner.drop_frames();
        inner.stale = false;
        inner.frames.push_back(Part::Snapshot(frame));
        inner.frames.push_back(Part::Barrier(epoch));
        drop(inner);
        self.ready.notify_one();
    }

    /// There is no page (any more): a notice that takes the place of all ops that wait.
    pub fn no_page(&self, notice: mask::Frame) {
        let mut inner = lock(&self.inner);
        inner.drop_frames();
        inner.stale = false;
        inner.push(notice);
        drop(inner);
        self.ready.notify_one();
    }

    /// Has the socket ask for a snapshot.
    pub fn spoil(&self) {
        let mut inner = lock(&self.inner);
        inner.drop_frames();
        inner.stale = true;
        drop(inner);
        self.ready.notify_one();
    }

    pub fn notice(&self, frame: mask::Frame) {
        let mut inner = lock(&self.inner);
        if inner.notices.len() >= MAX_NOTICES {
            inner.close();
        } else if !inner.closed {
            inner.notices.push_back(frame);
        }
        drop(inner);
        self.ready.notify_one();
    }

    /// The customer's pointer: only the last position counts.
    pub fn pointer(&self, frame: mask::Frame) {
        lock(&self.inner).pointer = Some(frame);
        self.ready.notify_one();
    }

    /// Nothing more comes in; what waits still goes out.
    pub fn close(&self) {
        lock(&self.inner).closed = true;
        self.ready.notify_one();
    }

    /// For the one task that runs the viewer's socket.
    pub async fn next(&self) -> ForViewer {
        loop {
            if let Some(next) = lock(&self.inner).pop() {
                return next;
            }
            self.ready.notified().await;
        }
    }
}

impl ViewerInner {
    fn push(&mut self, frame: mask::Frame) {
        self.bytes += frame.bytes().len();
        self.frames.push_back(Part::Frame(frame));
    }

    fn drop_frames(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    fn close(&mut self) {
        self.notices.clear();
        self.drop_frames();
        self.closed = true;
    }

    fn pop(&mut self) -> Option<ForViewer> {
        let next = self.take();
        self.idle = next.is_none();
        next
    }

    fn take(&mut self) -> Option<ForViewer> {
        if let Some(notice) = self.notices.pop_front() {
            return Some(ForViewer::Send(notice));
        }
        match self.frames.pop_front() {
            Some(Part::Frame(frame)) => {
                self.bytes -= frame.bytes().len();
                return Some(ForViewer::Send(frame));
            }
            Some(Part::Snapshot(frame)) => return Some(ForViewer::Send(frame)),
            Some(Part::Barrier(epoch)) => return Some(ForViewer::Barrier(epoch)),
            None => {}
        }
        if let Some(pointer) = self.pointer.take() {
            return Some(ForViewer::Send(pointer));
        }
        if self.closed {
            return Some(ForViewer::Close);
        }
        self.stale.then(|| {
            // Asked for once: the snapshot that comes ends it.
            self.stale = false;
            ForViewer::Snapshot
        })
    }
}

/// What a page's socket does next.
#[derive(Debug, PartialEq, Eq)]
pub enum ForPage {
    Send(locks::Frame),
    Close,
}

#[derive(Default)]
pub struct PageQueue {
    inner: Mutex<PageInner>,
    ready: Notify,
}

#[derive(Default)]
struct PageInner {
    controls: VecDeque<locks::Frame>,
    acts: VecDeque<locks::Frame>,
    /// By participant.
    pointers: BTreeMap<u32, locks::Frame>,
    closed: bool,
}

impl PageQueue {
    pub fn control(&self, frame: locks::Frame) {
        self.put(|inner| inner.controls.push_back(frame));
    }

    pub fn act(&self, frame: locks::Frame) {
        self.put(|inner| inner.acts.push_back(frame));
    }

    /// An agent's pointer: only the last position counts.
    pub fn pointer(&self, participant: u32, frame: locks::Frame) {
        self.put(|inner| {
            inner.pointers.insert(participant, frame);
        });
    }

    /// The customer has taken a permission back: what waits was allowed under the old one.
    pub fn drop_acts(&self) {
        let mut inner = lock(&self.inner);
        inner.acts.clear();
        inner.pointers.clear();
    }

    /// Nothing more comes in; controls that wait still go out.
    pub fn close(&self) {
        lock(&self.inner).closed = true;
        self.ready.notify_one();
    }

    /// For the one task that runs the page's socket.
    pub async fn next(&self) -> ForPage {
        loop {
            if let Some(next) = lock(&self.inner).pop() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    fn put(&self, put: impl FnOnce(&mut PageInner)) {
        let mut inner = lock(&self.inner);
        if inner.closed {
            return;
        }
        if inner.controls.len() + inner.acts.len() >= MAX_COMMANDS {
            *inner = PageInner { closed: true, ..PageInner::default() };
        } else {
            put(&mut inner);
        }
        drop(inner);
        self.ready.notify_one();
    }
}

impl PageInner {
    fn pop(&mut self) -> Option<ForPage> {
        if let Some(frame) = self.controls.pop_front() {
            return Some(ForPage::Send(frame));
        }
        if self.closed {
            return Some(ForPage::Close);
        }
        self.acts.pop_front().or_else(|| self.pointers.pop_first().map(|(_, frame)| frame)).map(ForPage::Send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Control;
    use crate::protocol::{Level, ViewerNotice};

    fn frame(bytes: usize) -> mask::Frame {
        mask::Frame::notice(&ViewerNotice::Acted { id: 1, refusal: None, rule: "x".repeat(bytes) })
    }

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let waker = std::task::Waker::noop();
        match future.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn a_viewer_that_falls_behind_is_asked_to_start_over() {
        let queue = ViewerQueue::default();
        let taken: Vec<bool> = (0..8).map(|_| queue.ops(frame(200_000))).collect();
        assert_eq!(taken.iter().filter(|taken| !**taken).count(), 1, "told once");
        assert_eq!(now(queue.next()), Some(ForViewer::Snapshot));
        assert_eq!(now(queue.next()), None, "once");
    }

    #[test]
    fn a_large_page_gets_through_while_it_changes() {
        let queue = ViewerQueue::default();
        queue.snapshot(frame(3_000_000), 2);
        queue.ops(frame(10));
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(3_000_000))));
        assert_eq!(now(queue.next()), Some(ForViewer::Barrier(2)));
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(10))));
    }

    #[test]
    fn a_page_that_changes_whole_waits_for_nobody_who_is_behind() {
        let queue = ViewerQueue::default();
        assert_eq!(now(queue.next()), None);
        queue.replace(frame(10), 1);
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(10))), "all had been read");
        queue.replace(frame(3_000_000), 2);
        assert_eq!(queue.waiting(), 0);
        assert_eq!(now(queue.next()), Some(ForViewer::Snapshot), "it was still sending");
        queue.snapshot(frame(20), 2);
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(20))));
        assert_eq!(now(queue.next()), Some(ForViewer::Barrier(2)));
        assert_eq!(now(queue.next()), None);
    }

    #[test]
    fn a_snapshot_takes_the_place_of_what_waits() {
        let queue = ViewerQueue::default();
        queue.ops(frame(1));
        queue.snapshot(frame(2), 7);
        queue.ops(frame(3));
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(2))));
        assert_eq!(now(queue.next()), Some(ForViewer::Barrier(7)));
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(3))));
        assert_eq!(now(queue.next()), None);
    }

    #[test]
    fn only_the_last_pointer_goes_out() {
        let queue = ViewerQueue::default();
        for x in 0..100 {
            queue.pointer(mask::Frame::notice(&ViewerNotice::Pointer { x, y: 0 }));
        }
        let last = mask::Frame::notice(&ViewerNotice::Pointer { x: 99, y: 0 });
        assert_eq!(now(queue.next()), Some(ForViewer::Send(last)));
        assert_eq!(now(queue.next()), None);
    }

    #[test]
    fn acts_that_wait_are_gone_with_the_permission() {
        let queue = PageQueue::default();
        queue.act(locks::Frame::control(&Control::Resync));
        queue.drop_acts();
        let level = locks::Frame::control(&Control::SetLevel { level: Level::Look });
        queue.control(level.clone());
        assert_eq!(now(queue.next()), Some(ForPage::Send(level)));
        assert_eq!(now(queue.next()), None);
    }

    #[test]
    fn a_page_that_reads_nothing_is_let_go() {
        let queue = PageQueue::default();
        for _ in 0..=MAX_COMMANDS {
            queue.control(locks::Frame::control(&Control::Resync));
        }
        assert_eq!(now(queue.next()), Some(ForPage::Close));
    }

    #[test]
    fn the_last_words_go_out_before_the_close() {
        let queue = ViewerQueue::default();
        queue.notice(frame(1));
        queue.close();
        assert_eq!(now(queue.next()), Some(ForViewer::Send(frame(1))));
        assert_eq!(now(queue.next()), Some(ForViewer::Close));
    }
}
