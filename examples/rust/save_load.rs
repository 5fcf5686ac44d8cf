// SPDX-License-Identifier: MIT
//
// Usage: save_load [SOURCE-SPEC [DESTINATION-SPEC]]
//
// libmigproto from Rust without any crate: the state of one device is read
// while it runs, then while it is stopped, goes through the encoder and the
// decoder, and is loaded into another device. The declarations below are those
// of the headers; what is opaque there is opaque here. Builds with rustc 1.63.

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::process::exit;
use std::ptr;

const TEXT_MAX: usize = 256;
const RECORD_HEAD_MAX: usize = 16;
const PRECOPY_EMPTY: i64 = -12;

// core.h: struct migp_error
#[repr(C)]
struct Error {
    struct_size: usize,
    code: i32,
    finding: u32,
    system_errno: i32,
    offset: u64,
    value: u64,
    expected: u64,
    text: [c_char; TEXT_MAX],
}

// core.h: struct migp_piece
#[repr(C)]
#[derive(Clone, Copy)]
struct Piece {
    bytes: *const u8,
    size: usize,
}

// device.h: struct migp_device_caps
#[repr(C)]
struct Caps {
    struct_size: usize,
    migration: u32,
    features: u32,
    vendor: u16,
    product: u16,
    backend: [c_char; 16],
    driver: [c_char; 32],
    name: [c_char; 128],
}

// stream.h: struct migp_event
#[repr(C)]
#[derive(Clone, Copy)]
struct Event {
    kind: u32,
    finding: u32,
    offset: u64,
    size: u64,
    bytes: *const u8,
    expected: u64,
}

// fsm.h: enum migp_state
const STOP: u32 = 1;
const RUNNING: u32 = 2;
const STOP_COPY: u32 = 3;
const RESUMING: u32 = 4;
const PRE_COPY: u32 = 6;
const HAS_PRE_COPY: u32 = 4; // enum migp_migration_flag

// stream.h: enum migp_event_kind
const END: u32 = 1;
const CONFIG: u32 = 2;
const SETUP: u32 = 3;
const DATA_BEGIN: u32 = 4;
const DATA: u32 = 7;
const FEED_LAST: u32 = 1;

enum Device {}
enum Encoder {}
enum Decoder {}

#[link(name = "migproto")]
extern "C" {
    fn migp_version() -> *const c_char;
    fn migp_error_init(error: *mut Error);
    fn migp_device_open(
        out: *mut *mut Device,
        spec: *const c_char,
        options: *const c_void,
        error: *mut Error,
    ) -> c_int;
    fn migp_device_free(device: *mut Device);
    fn migp_device_get_caps(device: *const Device, caps: *mut Caps) -> c_int;
    fn migp_device_set_state(device: *mut Device, state: u32, error: *mut Error) -> c_int;
    fn migp_device_reset(device: *mut Device, error: *mut Error) -> c_int;
    fn migp_device_read(device: *mut Device, bytes: *mut u8, size: usize, error: *mut Error)
        -> i64;
    fn migp_device_write(device: *mut Device, bytes: *const u8, size: usize, error: *mut Error)
        -> i64;
    fn migp_encoder_new(
        out: *mut *mut Encoder,
        options: *const c_void,
        error: *mut Error,
    ) -> c_int;
    fn migp_encoder_free(encoder: *mut Encoder);
    fn migp_encoder_record(
        encoder: *mut Encoder,
        kind: c_int,
        payload: *const u8,
        size: u64,
        head: *mut u8,
        pieces: *mut Piece,
        n_pieces: *mut usize,
    ) -> i64;
    fn migp_decoder_new(
        out: *mut *mut Decoder,
        options: *const c_void,
        error: *mut Error,
    ) -> c_int;
    fn migp_decoder_free(decoder: *mut Decoder);
    fn migp_decoder_feed(
        decoder: *mut Decoder,
        bytes: *const u8,
        size: usize,
        flags: u32,
        events: *mut Event,
        max_events: usize,
        n_events: *mut usize,
    ) -> i64;
    fn migp_decoder_finish(decoder: *mut Decoder, error: *mut Error) -> c_int;
}

fn new_error() -> Error {
    let mut error = Error {
        struct_size: 0,
        code: 0,
        finding: 0,
        system_errno: 0,
        offset: 0,
        value: 0,
        expected: 0,
        text: [0; TEXT_MAX],
    };
    unsafe { migp_error_init(&mut error) };
    error
}

fn text(error: &Error) -> String {
    unsafe { CStr::from_ptr(error.text.as_ptr()) }.to_string_lossy().into_owned()
}

/// A device that is freed with its owner. Used by one thread at a time, which
/// is what a raw pointer without Send and Sync says.
struct OwnedDevice(*mut Device);

impl OwnedDevice {
    fn open(spec: &str) -> Result<OwnedDevice, String> {
        let spec = CString::new(spec).map_err(|error| error.to_string())?;
        let mut error = new_error();
        let mut device = ptr::null_mut();
        match unsafe { migp_device_open(&mut device, spec.as_ptr(), ptr::null(), &mut error) } {
            0 => Ok(OwnedDevice(device)),
            _ => Err(text(&error)),
        }
    }

    fn has_pre_copy(&self) -> bool {
        let mut caps: Caps = unsafe { std::mem::zeroed() };
        caps.struct_size = std::mem::size_of::<Caps>();
        unsafe { migp_device_get_caps(self.0, &mut caps) == 0 && caps.migration & HAS_PRE_COPY != 0 }
    }

    fn go(&mut self, state: u32) -> Result<(), String> {
        let mut error = new_error();
        match unsafe { migp_device_set_state(self.0, state, &mut error) } {
            0 => Ok(()),
            _ => Err(text(&error)),
        }
    }

    fn reset(&mut self) -> Result<(), String> {
        let mut error = new_error();
        match unsafe { migp_device_reset(self.0, &mut error) } {
            0 => Ok(()),
            _ => Err(text(&error)),
        }
    }

    /// Bytes read; 0 at the end, for now or for good.
    fn read(&mut self, block: &mut [u8]) -> Result<usize, String> {
        let mut error = new_error();
        match unsafe { migp_device_read(self.0, block.as_mut_ptr(), block.len(), &mut error) } {
            PRECOPY_EMPTY => Ok(0),
            got if got >= 0 => Ok(got as usize),
            _ => Err(text(&error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut error = new_error();
        match unsafe { migp_device_write(self.0, bytes.as_ptr(), bytes.len(), &mut error) } {
            done if done == bytes.len() as i64 => Ok(()),
            _ => Err(text(&error)),
        }
    }
}

impl Drop for OwnedDevice {
    fn drop(&mut self) {
        unsafe { migp_device_free(self.0) }
    }
}

/// Writes records into memory; a VMM has its socket here.
struct Writer {
    encoder: *mut Encoder,
    stream: Vec<u8>,
}

impl Writer {
    fn new() -> Result<Writer, String> {
        let mut error = new_error();
        let mut encoder = ptr::null_mut();
        match unsafe { migp_encoder_new(&mut encoder, ptr::null(), &mut error) } {
            0 => Ok(Writer { encoder, stream: Vec::new() }),
            _ => Err(text(&error)),
        }
    }

    fn put(&mut self, kind: u32, payload: &[u8]) -> Result<(), String> {
        let mut head = [0u8; RECORD_HEAD_MAX];
        let mut pieces = [Piece { bytes: ptr::null(), size: 0 }; 2];
        let mut n_pieces = 0;
        let has_payload = kind == DATA_BEGIN || kind == CONFIG;
        let bytes = if has_payload { payload.as_ptr() } else { ptr::null() };
        let result = unsafe {
            migp_encoder_record(
                self.encoder,
                kind as c_int,
                bytes,
                payload.len() as u64,
                head.as_mut_ptr(),
                pieces.as_mut_ptr(),
                &mut n_pieces,
            )
        };
        if result < 0 {
            return Err("a record out of order".to_string());
        }
        for piece in pieces[..n_pieces].iter().filter(|piece| piece.size > 0) {
            self.stream
                .extend_from_slice(unsafe { std::slice::from_raw_parts(piece.bytes, piece.size) });
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        unsafe { migp_encoder_free(self.encoder) }
    }
}

fn save(device: &mut OwnedDevice) -> Result<Vec<u8>, String> {
    let mut block = vec![0u8; 1 << 20];
    let mut writer = Writer::new()?;

    writer.put(SETUP, &[])?;
    writer.put(END, &[])?;
    if device.has_pre_copy() {
        device.go(PRE_COPY)?;
        // A device that keeps on dirtying its state would never run dry.
        while writer.stream.len() < 1 << 30 {
            let got = device.read(&mut block)?;
            if got == 0 {
                break;
            }
            writer.put(DATA_BEGIN, &block[..got])?;
            writer.put(END, &[])?;
        }
    }
    device.go(STOP_COPY)?;
    loop {
        let got = device.read(&mut block)?;
        if got == 0 {
            break;
        }
        writer.put(DATA_BEGIN, &block[..got])?;
    }
    writer.put(END, &[])?;
    writer.put(CONFIG, &[])?;
    writer.put(END, &[])?;
    Ok(std::mem::take(&mut writer.stream))
}

struct OwnedDecoder(*mut Decoder);

impl Drop for OwnedDecoder {
    fn drop(&mut self) {
        unsafe { migp_decoder_free(self.0) }
    }
}

fn load(device: &mut OwnedDevice, stream: &[u8]) -> Result<usize, String> {
    let none = Event { kind: 0, finding: 0, offset: 0, size: 0, bytes: ptr::null(), expected: 0 };
    let mut events = [none; 32];
    let mut error = new_error();
    let mut decoder = OwnedDecoder(ptr::null_mut());
    let (mut used, mut state) = (0, 0);

    if unsafe { migp_decoder_new(&mut decoder.0, ptr::null(), &mut error) } != 0 {
        return Err(text(&error));
    }
    device.go(RESUMING)?;
    loop {
        let rest = &stream[used..];
        let mut n_events = 0;
        let result = unsafe {
            migp_decoder_feed(
                decoder.0,
                rest.as_ptr(),
                rest.len(),
                FEED_LAST,
                events.as_mut_ptr(),
                events.len(),
                &mut n_events,
            )
        };
        for event in events[..n_events].iter().filter(|event| event.kind == DATA) {
            // Into `rest`, which lives longer than this loop's turn.
            let size = event.size as usize;
            device.write(unsafe { std::slice::from_raw_parts(event.bytes, size) })?;
            state += size;
        }
        if result < 0 || (result == 0 && n_events < events.len()) {
            break;
        }
        used += result as usize;
    }
    // Whether the stream is whole is to be asked before RESUMING is left.
    if unsafe { migp_decoder_finish(decoder.0, &mut error) } != 0 {
        return Err(text(&error));
    }
    device.go(STOP)?;
    device.go(RUNNING)?;
    Ok(state)
}

/// A failure, and what became of a device after it.
fn also(error: String, result: Result<(), String>, done: &str, what: &str) -> String {
    match result {
        Ok(()) => format!("{}; {}", error, done),
        Err(second) => format!("{}; {} failed: {}", error, what, second),
    }
}

/// The guest runs on where it was. Where only a reset would bring the device
/// back a VMM decides: a reset loses the state of the guest's device.
fn let_source_run(source: &mut OwnedDevice, error: String) -> String {
    also(error, source.go(RUNNING), "the source runs on", "letting the source run on")
}

fn run(source: &str, destination: &str) -> Result<(), String> {
    let mut source = OwnedDevice::open(source)?;
    let mut destination = OwnedDevice::open(destination)?;
    let stream = save(&mut source).map_err(|error| let_source_run(&mut source, error))?;
    let state = match load(&mut destination, &stream) {
        Ok(state) => state,
        Err(error) => {
            // Only a reset leads out of RESUMING with a part of a state.
            let what = "resetting the destination";
            let error = also(error, destination.reset(), "the destination was reset", what);
            return Err(let_source_run(&mut source, error));
        }
    };
    source.go(STOP)?;
    println!("{} bytes of state in a stream of {} bytes", state, stream.len());
    Ok(())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut spec = || arguments.next().unwrap_or_else(|| "sim:size=8M,initial=1M".to_string());
    let (source, destination) = (spec(), spec());
    let version = unsafe { CStr::from_ptr(migp_version()) };

    println!("libmigproto {}", version.to_string_lossy());
    if let Err(error) = run(&source, &destination) {
        eprintln!("save_load: {}", error);
        exit(1);
    }
}
