//! What all pages have: the head with its policy, the marking on every printed page, the style.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use crate::text::Words;

const STYLE: &str = include_str!("shell/style.css");

/// A whole page.
pub(crate) struct Page<'a> {
    /// In one line.
    pub(crate) title: &'a str,
    /// What stands above every printed page, such as its marking.
    pub(crate) marking: Markup,
    /// What stands below every printed page: one of ours, and nobody's text.
    pub(crate) below: &'static str,
    /// What it says.
    pub(crate) body: Markup,
}

impl Page<'_> {
    pub(crate) fn into_html(self) -> String {
        // The one thing that is allowed: this very style.
        let below = self.below;
        let style = format!("{STYLE}@page {{ @bottom-left {{ content: \"{below}\"; }} }}\n");
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
        );
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="referrer" content="no-referrer";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (Words(self.title)) }
                    style { (PreEscaped(style)) }
                }
                body {
                    div class="sheet" {
                        div class="head" { div class="marking" { (self.marking) } }
                        main { (self.body) }
                    }
                }
            }
        };
        page.into_string()
    }
}

/// A section with its heading.
pub(crate) fn section(heading: &str, body: Markup) -> Markup {
    html! {
        section {
            h2 { (heading) }
            (body)
        }
    }
}

/// A large figure with what it is.
pub(crate) struct Tile {
    pub(crate) figure: String,
    pub(crate) label: String,
    pub(crate) note: String,
    /// Whether it is one to look at.
    pub(crate) bad: bool,
}

/// Large figures beside each other.
pub(crate) fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        dl class="tiles" {
            @for tile in tiles {
                div class=(if tile.bad { "tile bad" } else { "tile" }) {
                    dt { (tile.label) }
                    dd class="figure" { (tile.figure) }
                    dd class="note" { (Words(&tile.note)) }
                }
            }
        }
    }
}

/// A part that may be empty, and then says so.
pub(crate) fn list_or_none<T>(items: &[T], shown: impl FnOnce(&[T]) -> Markup) -> Markup {
    if items.is_empty() {
        html! { p class="none" { "None recorded." } }
    } else {
        shown(items)
    }
}
