//! `derive(Config)` and `derive(Choice)` of `ecma-plugin-sdk`; described at the traits they implement.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Ident, Lit, LitInt, LitStr,
    Meta, Result, parse_macro_input, spanned::Spanned,
};

/// Implements `Config`: parameters, and reading their answers, from a struct.
#[proc_macro_derive(Config, attributes(config))]
pub fn derive_config(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    config(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Implements `Setting` for an enum without fields: one of several words. A word is the variant's
/// name in kebab case, or what `#[config(name = "…")]` says.
#[proc_macro_derive(Choice, attributes(config))]
pub fn derive_choice(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// What `#[config(…)]` says of a field.
#[derive(Default)]
struct Options {
    page: Option<TokenStream>,
    default: Option<Expr>,
    name: Option<String>,
    rest: bool,
}

impl Options {
    fn of(attributes: &[Attribute]) -> Result<Options> {
        let mut options = Options::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("config")) {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.require_ident()?.to_string();
                let page = match word.as_str() {
                    "connectivity" => quote!(Connectivity),
                    "capabilities" => quote!(Capabilities),
                    "global" => quote!(Global),
                    "partition" => quote!(Partition),
                    "run_step" => quote!(RunStep),
                    "schema" => {
                        let step: LitInt = meta.value()?.parse()?;
                        quote!(Schema(#step))
                    }
                    "default" => {
                        options.default = Some(meta.value()?.parse()?);
                        return Ok(());
                    }
                    "name" => {
                        options.name = Some(meta.value()?.parse::<LitStr>()?.value());
                        return Ok(());
                    }
                    "rest" => {
                        options.rest = true;
                        return Ok(());
                    }
                    _ => {
                        return Err(meta.error(
                            "expected connectivity, capabilities, schema = N, global, partition, \
                             run_step, default = …, name = \"…\" or rest",
                        ));
                    }
                };
                options.page = Some(page);
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// First line and the rest of a doc comment, lines joined.
fn documentation(attributes: &[Attribute]) -> (String, String) {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.trim().to_owned())
        .collect();
    let (label, help) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    (label.trim_end_matches('.').to_owned(), help.join(" ").trim().to_owned())
}

fn config(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "derive(Config) is for structs with named fields"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(input.span(), "derive(Config) is for structs with named fields"));
    };
    let mut parameters = Vec::new();
    let mut reads = Vec::new();
    let mut names = Vec::new();
    let mut taken = Vec::new();
    let mut rest = None;
    for field in &fields.named {
        let ident = field.ident.as_ref().expect("named fields have names");
        let options = Options::of(&field.attrs)?;
        if options.rest {
            rest = Some(ident.clone());
            continue;
        }
        let name = options
            .name
            .clone()
            .unwrap_or_else(|| ident.to_string().trim_start_matches("r#").to_owned());
        parameters.push(parameter(field, &name, &options));
        let default = answer(options.default.as_ref());
        reads.push(quote!(let #ident = values.read(#name, #default, &mut problems);));
        taken.push(name);
        names.push(ident.clone());
    }
    let rest = rest.map(|ident| {
        quote!(#ident: {
            let mut rest = values.clone();
            for name in [#(#taken),*] {
                rest.remove(name);
            }
            rest
        },)
    });
    let name = &input.ident;
    Ok(quote! {
        impl ::ecma_plugin_sdk::Config for #name {
            fn parameters() -> ::std::vec::Vec<::ecma_plugin_sdk::Parameter> {
                ::std::vec![#(#parameters),*]
            }

            fn read(
                values: &::ecma_plugin_sdk::Values,
            ) -> ::std::result::Result<Self, ::std::vec::Vec<::ecma_plugin_sdk::Problem>> {
                let mut problems = ::std::vec::Vec::new();
                #(#reads)*
                match (#(#names,)*) {
                    (#(::std::option::Option::Some(#names),)*) if problems.is_empty() => {
                        ::std::result::Result::Ok(Self { #(#names,)* #rest })
                    }
                    _ => ::std::result::Result::Err(problems),
                }
            }
        }
    })
}

fn answer(default: Option<&Expr>) -> TokenStream {
    match default {
        Some(value) => quote!(::std::option::Option::Some(::ecma_plugin_sdk::Answer::from(#value))),
        None => quote!(::std::option::Option::None),
    }
}

fn parameter(field: &Field, name: &str, options: &Options) -> TokenStream {
    let kind = &field.ty;
    let (label, help) = documentation(&field.attrs);
    let label = if label.is_empty() { name.to_owned() } else { label };
    let page = options.page.clone().unwrap_or_else(|| quote!(Connectivity));
    let default = options.default.as_ref().map(|value| quote!(.default(#value)));
    quote!({
        let parameter = ::ecma_plugin_sdk::Parameter::new(
            #name,
            <#kind as ::ecma_plugin_sdk::Setting>::kind(),
        )
        .label(#label)
        .help(#help)
        .on(::ecma_plugin_sdk::ParameterPage::#page)
        #default;
        if <#kind as ::ecma_plugin_sdk::Setting>::absent().is_some() {
            parameter.optional()
        } else {
            parameter
        }
    })
}

fn choice(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.span(), "derive(Choice) is for enums without fields"));
    };
    let mut words = Vec::new();
    let mut variants = Vec::new();
    for variant in &data.variants {
        if !variant.fields.is_empty() {
            return Err(Error::new(variant.span(), "derive(Choice) is for enums without fields"));
        }
        let options = Options::of(&variant.attrs)?;
        words.push(options.name.unwrap_or_else(|| kebab(&variant.ident)));
        variants.push(&variant.ident);
    }
    let name = &input.ident;
    Ok(quote! {
        impl ::ecma_plugin_sdk::Setting for #name {
            fn kind() -> ::ecma_plugin_sdk::ParameterKind {
                ::ecma_plugin_sdk::ParameterKind::Choice {
                    options: ::std::vec![#(::std::string::String::from(#words)),*],
                    extensible: false,
                }
            }

            fn read(
                answer: &::ecma_plugin_sdk::Answer,
            ) -> ::std::result::Result<Self, ::std::string::String> {
                match answer.as_text().as_deref() {
                    #(::std::option::Option::Some(#words) => ::std::result::Result::Ok(Self::#variants),)*
                    _ => ::std::result::Result::Err(
                        ::std::format!("is not one of {}", [#(#words),*].join(", ")),
                    ),
                }
            }
        }
    })
}

fn kebab(ident: &Ident) -> String {
    let mut word = String::new();
    for (at, c) in ident.to_string().chars().enumerate() {
        if c.is_uppercase() && at > 0 {
            word.push('-');
        }
        word.extend(c.to_lowercase());
    }
    word
}
