//! The console's JSON API and apps, for agents and for customers who join.
