//! Opening hours in local time: how much of them lies before a moment, and back.
//!
//! Everything here counts seconds on the local clock, as if no offset ever changed. The
//! caller cuts absolute time into stretches of one offset and adds them up.

use super::draft::LocalSpan;

const DAY: i64 = 86_400;

/// A span of a weekday, in seconds since local midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i64,
    to: i64,
    /// Open seconds of the same day before the span.
    before: i64,
}

/// One weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Day {
    spans: Box<[Span]>,
    /// Open seconds of the whole day.
    open: i64,
    /// Open seconds of the week before the day.
    before: i64,
}

/// A day that is closed although its weekday has hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holiday {
    /// Days since 1970-01-01.
    day: i64,
    /// Open seconds that this and all earlier holidays take away.
    lost: i64,
}

/// Where a local second lies among the opening hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Open seconds before it, from a fixed but arbitrary Monday on.
    pub(super) before: i64,
    /// Whether it is an open second itself.
    pub(super) open: bool,
}

/// A week of opening hours, with the days that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Week {
    days: [Day; 7],
    open: i64,
    holidays: Box<[Holiday]>,
}

impl Week {
    /// From spans that are sorted and apart, Monday first, and days since 1970-01-01 in
    /// ascending order.
    pub(super) fn new(hours: &[Vec<LocalSpan>; 7], holidays: impl Iterator<Item = i64>) -> Self {
        let mut week = 0;
        let days = hours.each_ref().map(|spans| {
            let mut open = 0;
            let spans = spans
                .iter()
                .map(|span| {
                    let (from, to) = (span.from.seconds(), span.to.seconds());
                    let before = open;
                    open += to - from;
                    Span { from, to, before }
                })
                .collect();
            let before = week;
            week += open;
            Day {
                spans,
                open,
                before,
            }
        });
        let mut made = Self {
            days,
            open: week,
            holidays: Box::default(),
        };
        let mut lost = 0;
        made.holidays = holidays
            .filter_map(|day| {
                let open = made.weekday(day).1.open;
                lost += open;
                (open > 0).then_some(Holiday { day, lost })
            })
            .collect();
        made
    }

    /// Whole weeks before the day, and its weekday.
    fn weekday(&self, day: i64) -> (i64, &Day) {
        // 1970-01-01 was a Thursday, the fourth day of its week.
        let since_monday = day + 3;
        let [mon, tue, wed, thu, fri, sat, sun] = &self.days;
        let weekday = match since_monday.rem_euclid(7) {
            0 => mon,
            1 => tue,
            2 => wed,
            3 => thu,
            4 => fri,
            5 => sat,
            _ => sun,
        };
        (since_monday.div_euclid(7), weekday)
    }

    /// Open seconds before the day, its weekday, and whether it is a holiday.
    fn day(&self, day: i64) -> (i64, &Day, bool) {
        let (weeks, weekday) = self.weekday(day);
        let next = self.holidays.partition_point(|holiday| holiday.day < day);
        let lost = next
            .checked_sub(1)
            .and_then(|last| self.holidays.get(last))
            .map_or(0, |holiday| holiday.lost);
        let holiday = self.holidays.get(next).is_some_and(|h| h.day == day);
        (weeks * self.open + weekday.before - lost, weekday, holiday)
    }

    /// Where a local second lies.
    pub(super) fn place(&self, local: i64) -> Place {
        let second = local.rem_euclid(DAY);
        let (mut before, weekday, holiday) = self.day(local.div_euclid(DAY));
        if !holiday {
            for span in &weekday.spans {
                if second < span.from {
                    break;
                }
                if second < span.to {
                    let before = before + second - span.from;
                    return Place { before, open: true };
                }
                before += span.to - span.from;
            }
        }
        Place {
            before,
            open: false,
        }
    }

    /// The earliest local second that has `count` open seconds before it, given a second
    /// that has fewer.
    pub(super) fn reach(&self, count: i64, after: i64) -> i64 {
        let mut day = after.div_euclid(DAY);
        let mut step = 1;
        // Holidays may cover centuries: strides that double find the end of those as well.
        while self.day(day + step).0 < count {
            day += step;
            step *= 2;
        }
        while step > 1 {
            step /= 2;
            if self.day(day + step).0 < count {
                day += step;
            }
        }
        let (before, weekday, _) = self.day(day);
        let rest = count - before;
        let second = weekday
            .spans
            .iter()
            .rev()
            .find(|span| span.before < rest)
            .map_or(0, |span| span.from + rest - span.before);
        day * DAY + second
    }
}
