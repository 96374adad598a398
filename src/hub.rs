//! Connects the pages and viewers of each session: mirrors, queues, fan-out.
