//! The text that Prometheus reads (OpenMetrics 1.0), in the order of a reader's questions.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{CLASSES, FACES, KINDS, Metrics, PHASES, Readiness};
use crate::hub::REFUSALS;
use crate::listener::REFUSED;

/// The content type that goes with it.
pub const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub fn write(metrics: &Arc<Metrics>) -> String {
    let mut registry = Registry::with_prefix("lado");
    registry.register_collector(Box::new(Scrape(Arc::clone(metrics))));
    let mut out = String::with_capacity(32 * 1024);
    // A String takes whatever is written to it.
    let _ = text::encode(&mut out, &registry);
    out
}

struct Scrape(Arc<Metrics>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Page(encoder);
        self.requests(&mut out)?;
        self.connections(&mut out)?;
        self.sessions(&mut out)?;
        self.sync(&mut out)
    }
}

impl Scrape {
    fn requests(&self, out: &mut Page<'_>) -> fmt::Result {
        let metrics = &self.0;
        let counts = metrics.faces.iter().zip(FACES).flat_map(|(of_face, face)| {
            of_face
                .requests
                .iter()
                .zip(CLASSES)
                .map(move |(count, class)| ([("face", face), ("status", class)], read(count)))
        });
        out.counters("requests", "Requests answered", counts)?;
        let mut times = out.0.encode_descriptor(
            "request_duration_seconds",
            "Time from a request's head until the site began to answer (upstream), Lado did (head), the last byte had left (whole)",
            None,
            MetricType::Histogram,
        )?;
        for (of_face, face) in metrics.faces.iter().zip(FACES) {
            for (histogram, phase) in of_face.phases.iter().zip(PHASES) {
                histogram.encode(times.encode_family(&[("face", face), ("phase", phase)])?)?;
            }
        }
        let failures = metrics.failures.iter().zip(KINDS).map(|(count, kind)| ([("kind", kind)], read(count)));
        out.counters("upstream_errors", "Answers of sites that did not come, or not whole", failures)?;
        let (up, all) = metrics.sources.pools.iter().map(|pool| pool.up()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        out.gauge("front_upstreams", "Addresses of fronts' upstreams", all as u64)?;
        out.gauge("front_upstreams_up", "Those that answer", up as u64)?;
        let load = &metrics.sources.load;
        out.gauge("requests_in_flight", "Requests whose response has not left whole", load.requests())?;
        out.counter("overload_refused", "Requests of new visitors refused because of too much to do", load.refused())?;
        out.gauge("resident_memory_bytes", "Resident memory", load.memory())?;
        out.gauge(
            "ready",
            "1 while balancers should send visitors",
            u64::from(metrics.readiness() == Readiness::Ready),
        )?;
        out.gauge("uptime_seconds", "Since the process began", metrics.begin.elapsed().as_secs())
    }

    fn connections(&self, out: &mut Page<'_>) -> fmt::Result {
        let none = crate::listener::Counts::default();
        let counts = self.0.listener.get().map_or(&none, Arc::as_ref);
        out.gauge("connections", "Open connections", read(&counts.open))?;
        out.counter("connections_accepted", "Connections accepted", read(&counts.accepted))?;
        out.counter("received_bytes", "Bytes from browsers, without TLS", read(&counts.received))?;
        out.counter("sent_bytes", "Bytes to browsers, without TLS", read(&counts.sent))?;
        let refused = counts.refused.iter().zip(REFUSED).map(|(count, reason)| ([("reason", reason)], read(count)));
        out.counters("edge_refused", "Connections and requests that the listener refused", refused)
    }

    fn sessions(&self, out: &mut Page<'_>) -> fmt::Result {
        let sessions = &self.0.sources.sessions;
        let phases = sessions.phases().map(|(phase, count)| ([("phase", phase)], count as u64));
        out.gauges("sessions", "Open sessions", phases)?;
        out.counter("sessions_begun", "Sessions begun", read(&sessions.counts().begun))?;
        out.counter(
            "escaped_requests",
            "Requests that pages made past Lado (rewrite misses)",
            read(&sessions.counts().escaped),
        )
    }

    fn sync(&self, out: &mut Page<'_>) -> fmt::Result {
        let hubs = &self.0.sources.hubs;
        let counts = hubs.counts();
        let sockets = [("page", &counts.pages), ("viewer", &counts.viewers)];
        out.gauges("sockets", "Open sync sockets", sockets.map(|(kind, count)| ([("kind", kind)], read(count))))?;
        out.gauge("tasks", "Open sync sockets and tunnels together", self.0.sources.sockets.len() as u64)?;
        out.counter("ops", "Changes that pages told", read(&counts.ops))?;
        out.counter("mask_corrections", "What pages should have masked and the server did", read(&counts.corrections))?;
        out.counter("actions", "Agents' actions asked for", read(&counts.acts))?;
        let refused = counts.refused.iter().zip(REFUSALS).map(|(count, reason)| ([("reason", reason)], read(count)));
        out.counters("actions_refused", "Agents' actions refused", refused)?;
        let (waiting, longest) = hubs.waiting();
        out.gauge("viewer_queue_bytes", "Changes that wait for viewers", waiting as u64)?;
        out.gauge("viewer_queue_longest_bytes", "The longest of these queues", longest as u64)?;
        for (name, help, count) in [
            ("viewer_queues_dropped", "Queues dropped because a viewer read too slowly", &counts.viewers_behind),
            ("viewer_resyncs", "Snapshots for viewers whose tree went wrong", &counts.viewer_resyncs),
            ("mirrors_diverged", "Comparisons that found a mirror other than its page", &counts.diverged),
            ("mirror_mends", "Elements that pages were asked to tell anew", &counts.mends),
            ("mirror_given_up", "Pages that kept differing from their mirror and were left to", &counts.given_up),
            ("page_resyncs", "Pages that were asked for all of them", &counts.resyncs),
            ("pages_capped", "Pages that were too much to be mirrored", &counts.capped),
            ("pages_slowed", "Pages that were read more slowly because of their work", &counts.slowed),
        ] {
            out.counter(name, help, read(count))?;
        }
        Ok(())
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Relaxed)
}

/// What is written so far. Labels are `&'static str`: a visitor's words cannot become one.
struct Page<'a>(DescriptorEncoder<'a>);

type Labels<const N: usize> = [(&'static str, &'static str); N];

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}
