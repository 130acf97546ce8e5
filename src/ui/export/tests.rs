use egui::{Align2, ColorImage, RawInput, RichText, TextureHandle, TextureOptions, pos2, vec2};

use super::*;
use crate::ui::theme;

/// A panel with every kind of shape, drawn between others.
fn draw(ui: &mut Ui, texture: &TextureHandle, rect: Rect) -> PanelPicture {
    ui.put(Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 20.0)), egui::Label::new("before it"));
    let recording = begin(ui);
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 4, Color32::from_rgb(1, 2, 3));
    painter.circle_filled(rect.center(), 5.0, Color32::RED);
    painter.line_segment([rect.min, rect.max], egui::Stroke::new(1.0, Color32::GREEN));
    let place = rect.left_top() + vec2(8.0, 8.0);
    painter.text(place, Align2::LEFT_TOP, "SQNR < 20 & “low”", theme::text(12.0), Color32::WHITE);
    painter.text(
        rect.right_bottom(),
        Align2::RIGHT_BOTTOM,
        "−1.5",
        theme::mono(11.0),
        Color32::WHITE,
    );
    painter.text(
        rect.center(),
        Align2::CENTER_CENTER,
        "outside",
        theme::text(12.0),
        Color32::TRANSPARENT,
    );
    painter.text(
        rect.right_top() + vec2(50.0, 0.0),
        Align2::LEFT_TOP,
        "clipped away",
        theme::text(12.0),
        Color32::WHITE,
    );
    let icon = egui_material_icons::icons::ICON_ADD.codepoint;
    painter.text(rect.left_center(), Align2::LEFT_CENTER, icon, theme::text(14.0), Color32::WHITE);
    let at = Rect::from_min_size(rect.left_bottom() - vec2(0.0, 20.0), vec2(40.0, 20.0));
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(texture.id(), at, uv, Color32::WHITE);
    let mut mesh = egui::Mesh::default();
    for (x, colour) in [(0.0, Color32::RED), (30.0, Color32::BLUE), (0.0, Color32::GREEN)] {
        mesh.colored_vertex(rect.center() + vec2(x, mesh.vertices.len() as f32 * 10.0), colour);
    }
    mesh.add_triangle(0, 1, 2);
    painter.add(mesh);
    let picture = recording.picture_of(ui, rect);
    ui.label(RichText::new("after it"));
    picture
}

fn picture() -> PanelPicture {
    let ctx = egui::Context::default();
    theme::install(&ctx);
    install(&ctx);
    let colours = vec![Color32::YELLOW, Color32::BLUE];
    let image = ColorImage::new([2, 1], colours);
    let texture = ctx.load_texture("map", image, TextureOptions::NEAREST);
    let rect = Rect::from_min_size(pos2(40.0, 60.0), vec2(300.0, 200.0));
    let mut found = None;
    for _ in 0..2 {
        let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 600.0)));
        let input = RawInput { screen_rect, ..RawInput::default() };
        let _ = ctx.run_ui(input, |ui| found = Some(draw(ui, &texture, rect)));
    }
    found.unwrap()
}

#[test]
fn the_svg_is_well_formed_and_holds_what_is_shown() {
    let svg = picture().to_svg();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert_eq!((root.attribute("width"), root.attribute("height")), (Some("300"), Some("200")));
    let texts: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
        .collect();
    assert_eq!(texts, ["SQNR < 20 & “low”", "−1.5"]);
    let count = |name: &str| document.descendants().filter(|n| n.has_tag_name(name)).count();
    assert_eq!(count("circle"), 1);
    assert_eq!(count("image"), 1, "the texture");
    assert!(count("path") >= 3, "a line, an icon, a triangle");
    let text = document.descendants().find(|node| node.has_tag_name("text")).unwrap();
    let x: f32 = text.attribute("x").unwrap().parse().unwrap();
    let y: f32 = text.attribute("y").unwrap().parse().unwrap();
    assert!((x - 8.0).abs() < 1.0 && (15.0..24.0).contains(&y), "{x}, {y} of the panel");
}

#[test]
fn the_png_has_the_size_and_the_colours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plot.PNG");
    save(&picture(), &path).unwrap();
    let decoder = ::png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (600, 400));
    let pixel = |x: usize, y: usize| &pixels[(y * 600 + x) * 4..][..3];
    assert_eq!(pixel(20, 380), [255, 255, 0], "the left half of the texture");
    assert_eq!(pixel(60, 380), [0, 0, 255], "the right half");
    assert_eq!(pixel(200, 380), [1, 2, 3]);
    let is_inked =
        (20..40).flat_map(|y| (16..200).map(move |x| (x, y))).any(|(x, y)| pixel(x, y)[0] > 128);
    assert!(is_inked, "the text is there");
    let left_over = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left_over, 1, "nothing but the file");
}

#[test]
fn what_cannot_be_saved_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    for (name, wanted) in [
        ("plot.gif", ".png or .svg, the name ends in .gif"),
        ("plot", "ends in nothing"),
        ("missing/plot.svg", "cannot be written"),
        ("missing/plot.png", "cannot be written"),
    ] {
        let error = save(&picture, &folder.path().join(name)).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("plot"), "{name}: {error}");
    }
    let nothing =
        PanelPicture::new(Vec::new(), Rect::ZERO, Color32::BLACK, KeptTextures::default());
    let error = save(&nothing, &folder.path().join("empty.png")).unwrap_err().to_string();
    assert!(error.contains("0×0"), "{error}");
    assert!(roxmltree::Document::parse(&nothing.to_svg()).is_ok());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
