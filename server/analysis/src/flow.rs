//! What a VPC flow log line says of traffic.

/// The source type of flow logs.
pub(crate) const SOURCE_TYPE: &str = "aws.vpcflow";

const DEFAULT_HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport \
     protocol packets bytes start end action log-status";

/// What is read of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) bytes: Option<u64>,
    pub(crate) packets: Option<u64>,
    /// The interface saw it leave (`egress`) or arrive (`ingress`); none where it does not say.
    pub(crate) leaves: Option<bool>,
    /// Seconds since 1970 at which the first packet of the line came.
    pub(crate) start: Option<u64>,
}

/// Where fields stand, for lines of one header.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    header: String,
    commas: bool,
    places: [Option<usize>; 4],
}

const FIELDS: [&str; 4] = ["bytes", "packets", "flow-direction", "start"];

impl Layout {
    /// Reads a line with the header that goes with it; empty for the default format. The
    /// header of the last line is kept.
    pub(crate) fn read(&mut self, header: &str, line: &str) -> Flow {
        let header = if header.trim().is_empty() {
            DEFAULT_HEADER
        } else {
            header
        };
        if self.header != header {
            self.learn(header);
        }
        let mut values = [None; 4];
        for (at, value) in words(line, self.commas).enumerate() {
            for (place, slot) in self.places.iter().zip(&mut values) {
                if *place == Some(at) {
                    *slot = Some(value);
                }
            }
        }
        let [bytes, packets, direction, start] = values;
        let number = |value: Option<&str>| value.and_then(|value| value.parse().ok());
        Flow {
            bytes: number(bytes),
            packets: number(packets),
            leaves: match direction {
                Some("egress") => Some(true),
                Some("ingress") => Some(false),
                _ => None,
            },
            start: number(start),
        }
    }

    fn learn(&mut self, header: &str) {
        self.header = header.to_owned();
        self.commas = header.contains(',');
        let names: Vec<String> = words(header, self.commas).map(plain).collect();
        self.places = FIELDS.map(|field| names.iter().position(|name| name == field));
    }
}

/// Field names are written as `account-id`, `account_id` and `${account-id}`.
fn plain(name: &str) -> String {
    let name = name
        .strip_prefix("${")
        .and_then(|name| name.strip_suffix('}'))
        .unwrap_or(name);
    name.to_ascii_lowercase().replace('_', "-")
}

fn words(line: &str, commas: bool) -> impl Iterator<Item = &str> {
    line.split(move |c: char| {
        if commas {
            c == ','
        } else {
            c.is_ascii_whitespace()
        }
    })
    .map(|word| word.trim_ascii().trim_matches('"'))
    .filter(move |word| commas || !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_header_says() {
        let mut layout = Layout::default();
        let line = "2 123456789010 eni-1 10.0.0.5 203.0.113.9 49152 443 6 20 4249 1418530010 1418530070 ACCEPT OK";
        let flow = layout.read("", line);
        assert_eq!((flow.bytes, flow.packets), (Some(4249), Some(20)));
        assert_eq!((flow.leaves, flow.start), (None, Some(1_418_530_010)));
        let flow = layout.read("${flow_direction}, BYTES", "\"egress\",17");
        assert_eq!((flow.bytes, flow.leaves), (Some(17), Some(true)));
        assert_eq!(layout.read("x", "- - -"), Flow::default());
    }
}
