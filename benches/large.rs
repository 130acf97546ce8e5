//! A large model, asked for as the window asks: how long until the distribution of the layer shown,
//! the rows in sight and all layers are there, and how much memory that takes.
//!
//! `QUANTSCOPE_LARGE` names a file; without it one of `QUANTSCOPE_LARGE_GB` (1 if not set) is made
//! in a temporary folder and removed.
#![allow(clippy::unwrap_used)]

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use quantscope::session::{Command, Loaded, ModelRef, Session, anonymous_bytes};

/// Rows of the list that are in sight.
const N_ROWS: usize = 30;
const N_LAYERS: usize = 200;
const N_COLUMNS: u64 = 4096;

/// Half floats of two bytes in tensors of equal size.
fn write_model(path: &Path, gigabytes: f64) {
    let n_rows = (gigabytes * 1e9 / 2.0 / N_LAYERS as f64 / N_COLUMNS as f64) as u64;
    let n_bytes = n_rows * N_COLUMNS * 2;
    let mut header = serde_json::Map::new();
    for idx in 0..N_LAYERS as u64 {
        let place = [idx * n_bytes, (idx + 1) * n_bytes];
        let info = serde_json::json!({
            "dtype": "BF16", "shape": [n_rows, N_COLUMNS], "data_offsets": place,
        });
        header.insert(format!("model.layers.{idx}.mlp.up_proj.weight"), info);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    let mut state = 1u64;
    let row: Vec<u8> = (0..1 << 20)
        .flat_map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Exponents around 2⁻⁶.
            let bits = (state >> 48) as u16;
            ((bits & 0x80ff) | 0x3c00).to_le_bytes()
        })
        .collect();
    for _ in 0..N_LAYERS {
        let mut left = n_bytes as usize;
        while left > 0 {
            let part = left.min(row.len());
            file.write_all(&row[..part]).unwrap();
            left -= part;
        }
    }
    file.flush().unwrap();
}

/// What the window asks for in a frame; how many rows in sight and layers are there.
fn ask(session: &Session) -> (usize, usize) {
    let n_layers = session.network().map_or(0, |network| network.layers.len());
    session.accuracy();
    session.size();
    let layers = (0..n_layers).map(|idx| session.layer_figures_in_time(idx));
    let n_all = layers.filter(|figures| !matches!(figures, Loaded::Pending { .. })).count();
    let rows = (0..n_layers.min(N_ROWS)).map(|idx| session.layer_figures(idx));
    let n_rows = rows.filter(|figures| !matches!(figures, Loaded::Pending { .. })).count();
    session.layer_error(session.selection().layer_idx);
    (n_rows, n_all)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = match std::env::var_os("QUANTSCOPE_LARGE") {
        Some(path) => PathBuf::from(path),
        None => {
            let gigabytes = std::env::var("QUANTSCOPE_LARGE_GB").ok();
            let path = folder.path().join("large.safetensors");
            write_model(&path, gigabytes.and_then(|text| text.parse().ok()).unwrap_or(1.0));
            path
        }
    };
    let len = std::fs::metadata(&path).unwrap().len();
    println!("{}: {:.2} GB", path.display(), len as f64 / 1e9);
    let (sender, woken) = channel();
    let mut session = Session::new(move || {
        let _ = sender.send(());
    });
    let started = Instant::now();
    session.apply(Command::Open(ModelRef::Path(path)));
    let mut peak = 0;
    let mut told = [false; 5];
    let mut tell = |what: usize, text: &str, peak: u64| {
        if !std::mem::replace(&mut told[what], true) {
            let memory = peak as f64 / 1e6;
            println!("{text:<36}{:8.3} s, {memory:7.0} MB", started.elapsed().as_secs_f64());
        }
    };
    loop {
        // A frame at most every 16 ms, as on a screen.
        let frame = Instant::now();
        session.poll();
        peak = anonymous_bytes().unwrap_or(0).max(peak);
        if session.opened().is_some() {
            let n_layers = session.network().unwrap().layers.len();
            tell(0, "opened", peak);
            if session.picture().ready().is_some() {
                tell(1, "distribution of the layer shown", peak);
            }
            if session.layer_error(session.selection().layer_idx).ready().is_some() {
                tell(2, "error of the layer shown", peak);
            }
            let (n_rows, n_all) = ask(&session);
            if n_rows == n_layers.min(N_ROWS) {
                tell(3, "rows in sight", peak);
            }
            if n_all == n_layers {
                tell(4, "all layers", peak);
                break;
            }
        }
        session.serve_wishes();
        let _ = woken.recv_timeout(Duration::from_millis(500));
        std::thread::sleep(Duration::from_millis(16).saturating_sub(frame.elapsed()));
        while woken.try_recv().is_ok() {}
    }
    let now = anonymous_bytes().unwrap_or(0) as f64 / 1e6;
    println!("anonymous memory at the end {now:.0} MB, at most {:.0} MB", peak as f64 / 1e6);
}
