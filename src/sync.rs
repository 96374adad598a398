//! The life of an op and of a command: sockets of pages and of viewers.
//!
//! ```text
//! customer's page ──op──▶ mirror ──▶ mask ──Masked<Op>──▶ viewers
//! customer's page ◀──Allowed<Action>── lock ◀── level ◀──action── agent
//! ```
//!
//! Here are the sockets, their deadlines and their limits; what the messages do is `hub`'s to say. Who may open a socket
//! has been judged before: the page's by the customer's cookie and its `Origin`, the viewer's by its `Origin`.

mod allowance;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use zeroize::Zeroizing;

pub use crate::console::is_from;
use crate::hub::queue::{ForPage, ForViewer};
use crate::hub::{Hub, HubError, Hubs, Open, PageLink, ViewerLink};
use crate::id::SessionId;
use crate::lock::{Control, Frame};
use crate::mask;
use crate::protocol::{self, Dictionary, PageMessage, VERSION, ViewerNotice, ViewerRequest, WireError};
use crate::rewrite::url::Site;
use crate::session::{Sessions, Ticket};
use allowance::Allowance;
use socket::{Connection, Incoming};

/// A socket that says nothing of itself for this long after it opened is closed.
const HELLO: Duration = Duration::from_secs(10);
/// From here on, a page's message is not for a thread of the runtime.
const LARGE: usize = 32 * 1024;
/// Nor is what follows a message that took this long.
const LONG: Duration = Duration::from_millis(5);
/// An agent's action is small; the largest is a text that is pasted.
const MAX_REQUEST: usize = 256 * 1024;

/// Why a socket was closed. The text is the close reason: the script in the page and the viewer log it.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error("downstream said no hello in time")]
    NoHello,
    #[error("downstream's first message is not a hello")]
    NotHello,
    #[error("downstream speaks version {0}, Lado speaks {VERSION}: reload the page")]
    Version(u32),
    #[error("downstream said hello twice")]
    HelloAgain,
    #[error("downstream's ticket is used up, expired or another session's")]
    Ticket,
    #[error("downstream's message has {0} bytes, more than it may")]
    TooLarge(usize),
    #[error("downstream's message is no message: {0}")]
    Wire(#[from] WireError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("downstream's socket failed: {0}")]
    Socket(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("downstream was silent for too long")]
    Silent,
    #[error("downstream reads too slowly")]
    Slow,
    #[error("Lado failed at a message of downstream's")]
    Broken,
    #[error("downstream sent text, which no message is")]
    Text,
}

impl SyncError {
    /// Private close codes (RFC 6455 §7.4.2). 4001 and 4004 say that connecting again will not help, 4008 that it will
    /// not for a while.
    fn code(&self) -> u16 {
        match self {
            Self::Version(_) => 4001,
            Self::NoHello | Self::NotHello | Self::HelloAgain | Self::TooLarge(_) | Self::Wire(_) | Self::Text => 4002,
            Self::Ticket => 4003,
            Self::Hub(HubError::Over) => 4004,
            Self::Hub(HubError::Replaced) => 4005,
            Self::Hub(HubError::Frames) => 4008,
            Self::Hub(_) => 4006,
            Self::Socket(_) | Self::Silent | Self::Slow | Self::Broken => 4007,
        }
    }
}

/// Who has opened a page's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// A document of the site.
    Page,
    /// One that the browser holds to be of no origin: it may be in a frame, whatever it says.
    Sandboxed,
}

/// Runs the socket of a page, from its hello to its end. `site` is what the view host shows that it was opened on.
pub async fn page<S>(hub: Arc<Hub>, site: Site, opener: Opener, socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _open = Open::new(&hub.counts().pages);
    let mut connection = Connection::new(socket, Allowance::of_page(hub.work_per_page()));
    let mut dictionary = Dictionary::default();
    let end = match greet_page(&hub, &site, opener, &mut connection, &mut dictionary).await {
        Ok(link) => {
            let end = follow_page(&hub, &link, &mut connection, &mut dictionary).await;
            hub.page_gone(&link);
            end
        }
        Err(error) => Err(error),
    };
    finish(hub.session().id, "page", connection, end).await;
}

/// The page says who it is, and where its stream of batches stands.
async fn greet_page<S>(
    hub: &Hub,
    site: &Site,
    opener: Opener,
    connection: &mut Connection<S>,
    dictionary: &mut Dictionary,
) -> Result<PageLink, SyncError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bytes = first(connection).await?;
    match protocol::decode_with(&bytes, dictionary)? {
        PageMessage::Hello { version, .. } if version != VERSION => Err(SyncError::Version(version)),
        PageMessage::Hello { page, tab, sent, visible, .. } => {
            let tab = if opener == Opener::Sandboxed { "" } else { &tab };
            Ok(hub.page(site, &page, tab, sent, visible)?)
        }
        _ => Err(SyncError::NotHello),
    }
}

/// Ops go up, commands come down, until one side leaves.
async fn follow_page<S>(
    hub: &Arc<Hub>,
    link: &PageLink,
    connection: &mut Connection<S>,
    dictionary: &mut Dictionary,
) -> Result<(), SyncError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut work = Work::default();
    let beat = Frame::control(&Control::Beat).bytes().clone();
    loop {
        tokio::select! {
            incoming = connection.next() => match incoming? {
                Incoming::Message(bytes) => {
                    let work = work.do_for(hub, link, bytes, dictionary);
                    let worked = connection.beat_while(work, &beat).await??;
                    if connection.charge(worked) {
                        hub.slowed(link);
                    }
                }
                Incoming::Pong(_) => {}
                Incoming::Beat => {
                    hub.page_beat(link, connection.latency(), connection.quiet());
                    connection.send(beat.clone()).await?;
                }
                Incoming::Left => return Ok(()),
            },
            next = link.queue.next() => match next {
                ForPage::Send(frame) => connection.send(frame.bytes().clone()).await?,
                ForPage::Close => return Ok(()),
            },
        }
    }
}

/// Messages of a page, each in its turn. What may take long is done where it keeps no other session waiting.
#[derive(Default)]
struct Work {
    /// What the last message cost.
    last: Duration,
}

impl Work {
    /// Returns the processor's time that the message took.
    async fn do_for(
        &mut self,
        hub: &Arc<Hub>,
        link: &PageLink,
        bytes: bytes::Bytes,
        dictionary: &mut Dictionary,
    ) -> Result<Duration, SyncError> {
        let _turn = hub.turn().await;
        let (end, took) = if bytes.len() < LARGE && self.last < LONG {
            timed(hub, link, &bytes, dictionary)
        } else {
            let (hub, link, mut held) = (Arc::clone(hub), link.clone(), std::mem::take(dictionary));
            let apart = move || (timed(&hub, &link, &bytes, &mut held), held);
            let (done, held) = spawn_blocking(apart).await.map_err(|_| SyncError::Broken)?;
            *dictionary = held;
            done
        };
        self.last = took;
        end.map(|()| took)
    }
}

fn timed(hub: &Hub, link: &PageLink, bytes: &[u8], dictionary: &mut Dictionary) -> (Result<(), SyncError>, Duration) {
    let before = thread_time();
    let message = protocol::decode_with(bytes, dictionary).map_err(SyncError::from);
    let end = message.and_then(|message| hear_page(hub, link, message));
    (end, thread_time().saturating_sub(before))
}

/// How long this thread has kept a processor busy.
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.try_into().unwrap_or(0))
}

/// One message of the page. Its ops pass mirror and mask before anybody sees them.
fn hear_page(hub: &Hub, link: &PageLink, message: PageMessage) -> Result<(), SyncError> {
    match message {
        PageMessage::Hello { .. } => return Err(SyncError::HelloAgain),
        PageMessage::Batch { seq, ops } => hub.batch(link, seq, ops)?,
        PageMessage::Typed { letter } => hub.typed(link, letter)?,
        PageMessage::Visible { visible } => hub.visible(link, visible)?,
        PageMessage::Pointer { x, y } => hub.page_pointer(link, x, y)?,
        PageMessage::Done { id, refusal } => hub.done(link, id, refusal)?,
        PageMessage::Native { native, shown, text } => hub.native(link, native, shown, &text)?,
        PageMessage::Restart {} => hub.restart(link)?,
        PageMessage::Hide { node } => hub.hide(link, node)?,
        PageMessage::Hidden { count, last } => hub.hidden(link, count, last)?,
        PageMessage::Look { node, x, y } => hub.look(link, node, x, y)?,
        PageMessage::Pause {} => hub.pause(true),
        PageMessage::Pressed { x, y } => hub.page_pressed(link, x, y)?,
        PageMessage::TooLarge {} => hub.too_large(link)?,
        PageMessage::Secret { field, value, done } => {
            let value = Zeroizing::new(value);
            hub.secret(link, field, &value, done)?;
        }
    }
    Ok(())
}

/// Runs the socket of an agent's viewer, opened on the viewer host of `session`.
pub async fn viewer<S>(sessions: &Sessions, hubs: &Hubs, session: SessionId, socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _open = Open::new(&hubs.counts().viewers);
    let mut connection = Connection::new(socket, Allowance::of_viewer(hubs.work_per_page()));
    let end = match greet_viewer(sessions, hubs, session, &mut connection).await {
        Ok((hub, link)) => {
            let end = follow_viewer(&hub, &link, &mut connection).await;
            hub.viewer_gone(&link);
            end
        }
        Err(error) => Err(error),
    };
    finish(session, "viewer", connection, end).await;
}

/// The viewer shows its ticket, which names the agent.
async fn greet_viewer<S>(
    sessions: &Sessions,
    hubs: &Hubs,
    session: SessionId,
    connection: &mut Connection<S>,
) -> Result<(Arc<Hub>, ViewerLink), SyncError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bytes = first(connection).await?;
    let (version, ticket, frame) = match protocol::decode(&bytes)? {
        ViewerRequest::Hello { version, ticket } => (version, ticket, None),
        ViewerRequest::Enter { version, ticket, page } => (version, ticket, Some(page)),
        _ => return Err(SyncError::NotHello),
    };
    if version != VERSION {
        return Err(SyncError::Version(version));
    }
    match sessions.redeem(&ticket) {
        Some((found, Ticket::Viewer(agent))) if found.id == session => {
            let hub = hubs.of(&found).ok_or(HubError::Over)?;
            let _turn = hub.turn().await;
            let there = Arc::clone(&hub);
            let link = spawn_blocking(move || there.viewer(agent, frame)).await.map_err(|_| SyncError::Broken)??;
            drop(_turn);
            Ok((hub, link))
        }
        _ => Err(SyncError::Ticket),
    }
}

/// Masked ops come down, actions go up, until one side leaves.
async fn follow_viewer<S>(hub: &Arc<Hub>, link: &ViewerLink, connection: &mut Connection<S>) -> Result<(), SyncError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Who watches must not take a page that keeps the hub busy for a connection that is gone.
    let busy = mask::Frame::notice(&ViewerNotice::Beat { agent: None, customer: None });
    let busy = busy.bytes();
    loop {
        tokio::select! {
            incoming = connection.next() => match incoming? {
                Incoming::Message(bytes) if bytes.len() > MAX_REQUEST => {
                    return Err(SyncError::TooLarge(bytes.len()));
                }
                Incoming::Message(bytes) => {
                    let request = protocol::decode(&bytes)?;
                    if request == (ViewerRequest::Resync {}) {
                        hub.viewer_wrong();
                        let worked = connection.beat_while(show(hub, link), busy).await??;
                        connection.charge(worked);
                    } else {
                        let _turn = connection.beat_while(hub.turn(), busy).await?;
                        hear_viewer(hub, link, request)?;
                    }
                }
                Incoming::Pong(payload) => {
                    if let Ok(epoch) = <[u8; 4]>::try_from(payload.as_ref()) {
                        let _turn = connection.beat_while(hub.turn(), busy).await?;
                        hub.seen(link, u32::from_be_bytes(epoch));
                    }
                }
                Incoming::Beat => {
                    let beat = match hub.turn_now() {
                        Some(_turn) => hub.viewer_beat(link, connection.latency(), connection.quiet()).bytes().clone(),
                        None => busy.clone(),
                    };
                    connection.send(beat).await?;
                }
                Incoming::Left => return Ok(()),
            },
            next = link.queue.next() => match next {
                ForViewer::Send(frame) => connection.send(frame.bytes().clone()).await?,
                // The pong says that the browser has all that was sent before (RFC 6455 §5.5.2): no message of our own
                // is needed for that.
                ForViewer::Barrier(epoch) => connection.ping(epoch.to_be_bytes().to_vec()).await?,
                ForViewer::Snapshot => {
                    let worked = connection.beat_while(show(hub, link), busy).await??;
                    connection.charge(worked);
                }
                ForViewer::Close => return Ok(()),
            },
        }
    }
}

/// Puts the whole page into a viewer's queue; returns the processor's time that it took.
async fn show(hub: &Arc<Hub>, link: &ViewerLink) -> Result<Duration, SyncError> {
    let _turn = hub.turn().await;
    let (hub, link) = (Arc::clone(hub), link.clone());
    let work = move || {
        let before = thread_time();
        hub.resync(&link);
        thread_time().saturating_sub(before)
    };
    spawn_blocking(work).await.map_err(|_| SyncError::Broken)
}

/// One request of the viewer. Its actions pass level, lock and mask before the page hears of them.
fn hear_viewer(hub: &Hub, link: &ViewerLink, request: ViewerRequest) -> Result<(), SyncError> {
    match request {
        ViewerRequest::Hello { .. } | ViewerRequest::Enter { .. } => return Err(SyncError::HelloAgain),
        ViewerRequest::Act { id, action } => hub.act(link, id, &action),
        ViewerRequest::Pointer { shown, x, y } => hub.viewer_pointer(link, shown.then_some((x, y))),
        ViewerRequest::Draw { id, colour, stays, shape } => hub.draw(link, id, colour, stays, shape),
        ViewerRequest::Erase { id } => hub.erase(link, id),
        ViewerRequest::Watch { tab } => hub.watch(link, tab),
        ViewerRequest::Resync {} => hub.resync(link),
    }
    Ok(())
}

/// The first message of a socket.
async fn first<S>(connection: &mut Connection<S>) -> Result<bytes::Bytes, SyncError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let message = async {
        loop {
            match connection.next().await? {
                Incoming::Message(bytes) => return Ok(bytes),
                Incoming::Pong(_) | Incoming::Beat => {}
                Incoming::Left => return Err(SyncError::NotHello),
            }
        }
    };
    timeout(HELLO, message).await.map_err(|_| SyncError::NoHello)?
}

async fn finish<S>(session: SessionId, who: &str, connection: Connection<S>, end: Result<(), SyncError>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match end {
        Ok(()) => connection.close(1000, "").await,
        Err(error) => {
            tracing::info!(%session, %error, "the socket of a {who} was closed");
            connection.close(error.code(), &error.to_string()).await;
        }
    }
}
