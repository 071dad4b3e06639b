//! A static look at a file before it is opened: is it a whole library for this machine, and does it
//! say that it is a plugin? No code of the file runs. A file that passes may still not load; one
//! that is cut off never passes, since opening it would end the process.

use ecma_plugin_abi::{COMPANION_MAGIC, MARKER_MAGIC, MARKER_SECTION, VERSION};
use object::{
    Architecture, BinaryFormat, FileKind, Object, ObjectKind, ObjectSection, ObjectSegment,
    read::macho::{FatArch, MachOFatFile32, MachOFatFile64},
};

use super::refusal::Refusal;

/// What a plugin says of itself in its marker section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) name: String,
    pub(super) version: String,
}

/// Checks that the bytes are a whole library for this machine, plugin or not.
pub(super) fn library(bytes: &[u8]) -> Result<object::File<'_>, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::Empty);
    }
    let kind = FileKind::parse(bytes).map_err(|_| Refusal::NotALibrary(looks_like(bytes)))?;
    let found = match kind {
        FileKind::Elf32 | FileKind::Elf64 => BinaryFormat::Elf,
        FileKind::MachO32 | FileKind::MachO64 | FileKind::MachOFat32 | FileKind::MachOFat64 => {
            BinaryFormat::MachO
        }
        FileKind::Pe32 | FileKind::Pe64 => BinaryFormat::Pe,
        FileKind::Archive => return Err(Refusal::NotALibrary("an archive".to_owned())),
        _ => return Err(Refusal::NotALibrary("an object file".to_owned())),
    };
    let expected = BinaryFormat::native_object();
    if system(found) != system(expected) {
        return Err(Refusal::WrongFormat { found: system(found), expected: system(expected) });
    }
    let bytes = match kind {
        FileKind::MachOFat32 => {
            slice(bytes, MachOFatFile32::parse(bytes).ok().map(|f| f.arches()))?
        }
        FileKind::MachOFat64 => {
            slice(bytes, MachOFatFile64::parse(bytes).ok().map(|f| f.arches()))?
        }
        _ => bytes,
    };
    let length = bytes.len() as u64;
    let file =
        object::File::parse(bytes).map_err(|_| Refusal::Incomplete { length, needed: None })?;
    let (found, expected) = (machine(&file), host_machine());
    if found != expected {
        return Err(Refusal::WrongArchitecture { found, expected });
    }
    // The parser reads no further than it must: whether all is there is asked here.
    let segments = file.segments().map(|segment| segment.file_range());
    let sections = file.sections().filter_map(|section| section.file_range());
    let needed = segments.chain(sections).map(|(at, size)| at.saturating_add(size)).max();
    match needed {
        Some(needed) if needed > length => {
            return Err(Refusal::Incomplete { length, needed: Some(needed) });
        }
        None => return Err(Refusal::Incomplete { length, needed: None }),
        Some(_) => {}
    }
    if file.kind() != ObjectKind::Dynamic {
        return Err(Refusal::NotALibrary("a program or an object file".to_owned()));
    }
    Ok(file)
}

/// Checks that a sound library is a plugin that this host can use, and reads what it says.
pub(super) fn plugin(file: &object::File<'_>) -> Result<Marker, Refusal> {
    let section = file.section_by_name(MARKER_SECTION).ok_or(Refusal::NotAPlugin)?;
    let damaged = |what: &str| Refusal::Marker(what.to_owned());
    let data = section.data().map_err(|_| damaged("it cannot be read"))?;
    let text = std::str::from_utf8(data).map_err(|_| damaged("it is not text"))?;
    let mut fields = text.trim_end_matches('\0').split(';');
    match fields.next() {
        Some(MARKER_MAGIC) => {}
        // A library that a plugin brings along and opens itself.
        Some(COMPANION_MAGIC) => return Err(Refusal::NotAPlugin),
        _ => return Err(damaged("it begins with other words")),
    }
    let fields: Vec<(&str, &str)> = fields.filter_map(|field| field.split_once('=')).collect();
    let field = |name: &str| {
        let mut values = fields.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(damaged(&format!("it has {name} twice"))),
            (None, _) => Err(damaged(&format!("it lacks {name}"))),
        }
    };
    let abi = field("abi")?.parse().map_err(|_| damaged("its abi is not a number"))?;
    if abi != VERSION {
        return Err(Refusal::Interface { found: abi, expected: VERSION });
    }
    match field("panic")? {
        "unwind" => {}
        "abort" => return Err(Refusal::PanicAborts),
        _ => return Err(damaged("its panic is neither unwind nor abort")),
    }
    let (name, version) = (field("name")?.to_owned(), field("version")?.to_owned());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Refusal::BadName(name));
    }
    Ok(Marker { name, version })
}

/// The part of a universal file for this machine.
fn slice<'a, F: FatArch>(bytes: &'a [u8], arches: Option<&[F]>) -> Result<&'a [u8], Refusal> {
    let length = bytes.len() as u64;
    let arches = arches.ok_or(Refusal::Incomplete { length, needed: None })?;
    let expected = host_machine();
    let Some(arch) = arches.iter().find(|arch| word(arch.architecture()) == expected) else {
        let found: Vec<String> = arches.iter().map(|arch| word(arch.architecture())).collect();
        return Err(Refusal::WrongArchitecture { found: found.join(" and "), expected });
    };
    let (at, size) = arch.file_range();
    let needed = Some(at.saturating_add(size));
    arch.data(bytes).map_err(|_| Refusal::Incomplete { length, needed })
}

fn system(format: BinaryFormat) -> &'static str {
    match format {
        BinaryFormat::Pe | BinaryFormat::Coff => "Windows",
        BinaryFormat::MachO => "macOS",
        _ => "Linux",
    }
}

fn machine(file: &object::File<'_>) -> String {
    let mut machine = word(file.architecture());
    if file.is_little_endian() != cfg!(target_endian = "little") {
        machine.push_str(" of the other byte order");
    }
    machine
}

fn host_machine() -> String {
    std::env::consts::ARCH.to_owned()
}

/// An architecture in the words of the Rust compiler, as far as it has one.
fn word(architecture: Architecture) -> String {
    match architecture {
        Architecture::I386 => "x86".to_owned(),
        Architecture::PowerPc => "powerpc".to_owned(),
        Architecture::PowerPc64 => "powerpc64".to_owned(),
        Architecture::Unknown => "unknown".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// What a file without any known format looks like to a person.
fn looks_like(bytes: &[u8]) -> String {
    if bytes.len() < 64 {
        format!("only {} bytes long", bytes.len())
    } else if bytes.iter().take(512).all(|&byte| byte >= b' ' || byte.is_ascii_whitespace()) {
        "a text".to_owned()
    } else {
        "of no format the host knows".to_owned()
    }
}
