//! The page in a real browser (skipped, and said so, where there is none to test with).

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::{
    cdp::Browser,
    common::{ds01, on, outcome},
    journal::NOW,
    past::{HOSTILE, hostile},
};

const WIDE: (u32, u32) = (1280, 900);
const NARROW: (u32, u32) = (400, 800);

const DARK: [(&str, &str); 1] = [("prefers-color-scheme", "dark")];
const LIGHT: [(&str, &str); 1] = [("prefers-color-scheme", "light")];

/// How far the page is wider than its window.
const OVERFLOW: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// The page that a command prints, in a file.
fn saved(mut command: std::process::Command) -> (TempDir, std::path::PathBuf) {
    command.args(["--now", NOW]).env("TZ", "CET-1");
    let (page, stderr, code) = outcome(command);
    assert_eq!(code, 0, "{stderr}");
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("page.html");
    fs::write(&file, page).unwrap();
    (dir, file)
}

#[test]
fn the_page_is_sound_at_all_widths_in_light_and_dark_and_asks_for_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    for (by, since) in [("gpu", "24h"), ("user", "8d")] {
        let (_dir, file) = saved(ds01(&["timeline", "--demo", "--by", by, "--since", since, "--html", "-"]));
        for (name, size, scheme) in
            [("1280", WIDE, LIGHT), ("1280-dark", WIDE, DARK), ("400", NARROW, LIGHT), ("400-dark", NARROW, DARK)]
        {
            browser.open(&file, size, &scheme);
            assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new(), "by {by} at {name}");
            assert_eq!(browser.requests().len(), 1, "nothing but the page itself: {:?}", browser.requests());
            assert_eq!(browser.value(OVERFLOW), 0, "by {by} at {name}");
            assert_eq!(browser.value("document.scripts.length"), 0);
            // All of a picture's bars lie in it, and are as high as they should be.
            let bars = "[...document.querySelectorAll('.lane rect.work')].filter(bar => bar.getBoundingClientRect().width > 3 \
                        && bar.getBoundingClientRect().height == 14).length";
            assert!(browser.value(bars).as_u64().unwrap() > 5, "by {by} at {name}");
            let dark = browser.value("getComputedStyle(document.body).backgroundColor");
            assert_eq!(dark == "rgb(255, 255, 255)", scheme == LIGHT, "{dark}");
            browser.picture(&format!("{by}-{name}"));
        }
        // On paper, too.
        browser.ask("Emulation.setEmulatedMedia", json!({"media": "print", "features": []}));
        assert_eq!(browser.value("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
        browser.picture(&format!("{by}-print"));
    }
}

#[test]
fn names_that_are_markup_are_text() {
    let Some(mut browser) = Browser::start() else { return };
    for by in ["gpu", "user"] {
        let (_dir, file) = saved(on(&hostile(), &["timeline", "--by", by, "--html", "-"]));
        for size in [WIDE, NARROW] {
            browser.open(&file, size, &LIGHT);
            assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
            assert_eq!(browser.value(OVERFLOW), 0);
            let elements = "document.querySelectorAll('script, img, b[onclick], a, iframe, [onerror]').length";
            assert_eq!(browser.value(elements), 0);
            let text = browser.value("document.body.textContent");
            let text = text.as_str().unwrap();
            for name in HOSTILE.iter().filter(|name| name.contains('<')) {
                assert!(text.matches(name).count() >= 2, "{name} is there as it is written");
            }
        }
        browser.picture(&format!("hostile-{by}"));
    }
}
