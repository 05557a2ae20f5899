{
  "targets": [
    {
      "target_name": "voco_onednn",
      "sources": [
        "src/addon.cc",
        "src/cpu.cc",
        "src/conv.cc",
        "src/matmul.cc",
        "src/bindings.cc",
        "src/isa_default.cc",
        "src/isa_avx2.cc",
        "src/isa_avx512.cc",
        "src/isa_avx512bf16.cc",
        "src/isa_emulated.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions", "-O2"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++14", "-std=gnu++20"],
      "cflags": ["-O3", "-fopenmp", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra"],
      "cflags_cc": ["-std=gnu++17"],
      "libraries": ["-ldnnl", "-fopenmp"],
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'", "-Wl,--as-needed"]
    }
  ]
}
