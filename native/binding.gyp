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
      "conditions": [
        ["OS!='mac'", {
          "cflags!": ["-fno-exceptions", "-O2"],
          "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++14", "-std=gnu++20"],
          "cflags": ["-O3", "-fopenmp", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra"],
          "cflags_cc": ["-std=gnu++17"],
          "libraries": ["-ldnnl", "-fopenmp"],
          "ldflags": ["-Wl,-rpath,'$$ORIGIN'", "-Wl,--as-needed"]
        }],
        ["OS=='mac'", {
          # Homebrew's oneDNN and OpenMP: Apple's compiler has none of its own.
          "variables": { "brew%": "<!(brew --prefix)" },
          "include_dirs": ["<(brew)/opt/onednn/include", "<(brew)/opt/libomp/include"],
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "gnu++17",
            "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
            "GCC_ENABLE_CPP_RTTI": "YES",
            "GCC_OPTIMIZATION_LEVEL": "3",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "MACOSX_DEPLOYMENT_TARGET": "12.0",
            "OTHER_CPLUSPLUSFLAGS": ["-Xpreprocessor", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra"]
          },
          "libraries": ["-L<(brew)/opt/onednn/lib", "-ldnnl", "-L<(brew)/opt/libomp/lib", "-lomp"]
        }]
      ]
    }
  ]
}
