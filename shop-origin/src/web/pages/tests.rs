//! What the templates must never get wrong, whatever they are filled with.

use askama::Template;

use super::*;

const HOSTILE: &str = "\"><script>alert('1')</script>&amp;{{ 7 }}";

fn frame(query: &str) -> Frame {
    let departments = vec![Link { label: "Tea & coffee".to_owned(), href: "/category/tea-coffee".to_owned() }];
    Frame { title: HOSTILE.to_owned(), description: HOSTILE.to_owned(), query: query.to_owned(), departments }
}

fn image() -> Image {
    Image { src: "/media/0.svg".to_owned(), alt: HOSTILE.to_owned() }
}

fn variant(sku: u64, price: i64, available: u32) -> Variant {
    let stock = Stock::of(available);
    Variant { sku, label: HOSTILE.to_owned(), price: Cents(price), list_price: Some(Cents(20_000)), stock, picture: 9 }
}

fn product(variants: Vec<Variant>) -> String {
    ProductPage {
        frame: frame(""),
        id: 42,
        title: HOSTILE.to_owned(),
        subtitle: HOSTILE.to_owned(),
        brand: Link { label: HOSTILE.to_owned(), href: "/search?brand=x".to_owned() },
        crumbs: vec![Link { label: HOSTILE.to_owned(), href: "/".to_owned() }],
        pictures: vec![image()],
        variants,
        description: HOSTILE.to_owned(),
        attributes: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        quantity_max: 20,
        related: Vec::new(),
    }
    .render()
    .expect("renders")
}

fn checkout(problems: Vec<FieldProblem>) -> String {
    CheckoutPage {
        frame: frame(""),
        idempotency_key: HOSTILE.to_owned(),
        quote: HOSTILE.to_owned(),
        address: AddressFields { recipient: HOSTILE.to_owned(), ..AddressFields::default() },
        payment: PaymentMethod::CashOnDelivery,
        problems,
        notice: Some(HOSTILE.to_owned()),
        lines: Vec::new(),
        goods: Cents(10_000),
        delivery: Cents(0),
        total: Cents(10_000),
    }
    .render()
    .expect("renders")
}

fn search(query: &str) -> String {
    let heading = format!("Results for “{query}”");
    let page = SearchPage { frame: frame(query), heading, suggestions: Vec::new(), listing: Listing::default() };
    page.render().expect("renders")
}

#[test]
fn foreign_text_is_escaped_wherever_it_is_shown() {
    for page in [
        product(vec![variant(1, 10_000, 5), variant(2, 15_000, 5)]),
        checkout(vec![FieldProblem { field: "phone", message: HOSTILE.to_owned() }]),
        search(HOSTILE),
        ErrorPage::refused(frame(""), 422, HOSTILE).render().expect("renders"),
    ] {
        assert!(!page.contains("<script>"), "{page}");
        assert!(!page.contains("\"\">"), "no attribute is ended early: {page}");
    }
}

#[test]
fn nothing_is_inline_so_that_a_strict_content_policy_holds() {
    for page in [product(vec![variant(1, 10_000, 5)]), checkout(Vec::new()), search("")] {
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="), "{page}");
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains(&format!("<script src=\"{}\"", assets::url("shop.js"))));
    }
}

#[test]
fn the_first_variant_in_stock_is_chosen_and_its_price_shown() {
    let page = product(vec![variant(1, 10_000, 0), variant(2, 15_000, 3)]);
    assert!(page.contains("data-price>¥150.00<"), "{page}");
    assert!(page.contains("Only 3 left"));
    assert!(page.contains("value=\"2\" required checked"));
    assert!(!page.contains("data-buy disabled"));
}

#[test]
fn what_is_sold_out_cannot_be_put_into_the_cart() {
    assert!(product(vec![variant(1, 10_000, 0)]).contains("data-buy disabled"));
}

#[test]
fn a_problem_is_shown_at_its_field() {
    let page = checkout(vec![FieldProblem { field: "phone", message: "Enter a phone number".to_owned() }]);
    assert!(page.contains("id=\"phone-problem\">Enter a phone number"));
    assert!(page.contains("href=\"#phone\""));
    assert_eq!(page.matches("aria-invalid").count(), 1);
    assert!(page.contains("value=\"cod\" checked"));
}

#[test]
fn stock_says_how_few_are_left_and_no_more() {
    let shown = [0, 1, 9, 10, 5_000].map(|available| Stock::of(available).to_string());
    assert_eq!(shown, ["Sold out", "Only 1 left", "Only 9 left", "In stock", "In stock"]);
}
