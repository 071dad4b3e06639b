//! A plugin that panics while the host asks it for its functions. It has no connector.

fn module() -> ecma_plugin_abi::PluginModule {
    panic!("ordered: the plugin panics before it has said who it is")
}

ecma_plugin_abi::export_module!(module);
