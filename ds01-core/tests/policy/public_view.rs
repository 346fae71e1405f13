//! `public_view`: what everybody is shown.

use ds01_core::policy::{PublicView, parse};

fn loaded(text: &str) -> Result<ds01_core::policy::Loaded, ds01_core::policy::BadPolicy> {
    parse(&super::one_file(format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\n{text}")))
}

#[test]
fn each_word_is_read_and_owners_is_shipped() {
    let view = |text: &str| loaded(text).unwrap().policy.public_view;
    assert_eq!(view(""), PublicView::Owners);
    for word in [PublicView::Full, PublicView::Owners, PublicView::Anonymous, PublicView::Off] {
        assert_eq!(view(&format!("public_view: {}", word.as_str())), word);
    }
    let shipped = include_str!("../../../config/runtime/resource-limits.yaml");
    assert_eq!(parse(&super::one_file(shipped.to_owned())).unwrap().policy.public_view, PublicView::Owners);
}

#[test]
fn what_is_no_word_of_it_is_an_error_and_never_more_than_was_meant() {
    for text in ["public_view: everything", "public_view: null", "public_view: [full]", "public_view: Full"] {
        let error = loaded(text).unwrap_err().to_string();
        assert!(error.contains("public_view"), "{text}: {error}");
    }
}
