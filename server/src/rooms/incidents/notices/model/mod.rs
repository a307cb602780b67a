//! What a subscription is, who reads what is sent to it, and what may be said to them. Pure: only
//! [`compose`] makes a [`Notice`], and there is no other way to a letter or an event.

mod audience;
mod mention;
mod notice;
mod subscription;
#[cfg(test)]
mod tests;

pub(super) use audience::Audience;
#[cfg(test)]
pub(super) use audience::{Say, say};
pub(super) use mention::{is_handle, mentions};
pub(super) use notice::{About, Notice, compose, compose_report, report_name};
pub(super) use subscription::{
    Interest, Key, NewSubscription, NewTarget, State, Subscription, Target, Words, rotate,
};
