# static_program(NAME SOURCE...): a program that is put into containers of any image: static, of nothing but a C library,
# and installed beside the others of its kind. The rooms' libraries may be made with sanitizers, or to count lines,
# neither of which can be linked statically: so its sources are compiled for it alone, without these.
#
# The C library is musl where it is installed: one such program runs in every container of every job, and takes 0.1 MB of
# memory with it, 0.7 with glibc, whose static start brings locales and a dynamic linker along. Debian's musl-gcc does the
# same by a file of specs, which clang does not read.
set(musl ${CMAKE_SYSTEM_PROCESSOR}-linux-musl)
find_path(MUSL_INCLUDE_DIR stdlib.h PATHS /usr/include/${musl} /usr/${musl}/include /usr/lib/musl/include NO_DEFAULT_PATH)
find_path(MUSL_LIBRARY_DIR libc.a PATHS /usr/lib/${musl} /usr/${musl}/lib64 /usr/${musl}/lib /usr/lib/musl/lib NO_DEFAULT_PATH)
mark_as_advanced(MUSL_INCLUDE_DIR MUSL_LIBRARY_DIR)

function(link_with_musl name)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include
    OUTPUT_VARIABLE own_headers OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-libgcc-file-name
    OUTPUT_VARIABLE own_library OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  target_compile_options(${name} PRIVATE -nostdinc "SHELL:-isystem ${MUSL_INCLUDE_DIR}" "SHELL:-isystem ${own_headers}")
  target_link_options(${name} PRIVATE -nostdlib)
  target_link_libraries(${name} PRIVATE ${MUSL_LIBRARY_DIR}/crt1.o ${MUSL_LIBRARY_DIR}/crti.o
    ${MUSL_LIBRARY_DIR}/libc.a ${own_library} ${MUSL_LIBRARY_DIR}/crtn.o)
endfunction()

function(static_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  foreach(property COMPILE_OPTIONS LINK_OPTIONS)
    get_target_property(options ${name} ${property})
    if(options)
      list(FILTER options EXCLUDE REGEX "sanitize|coverage")
      set_target_properties(${name} PROPERTIES ${property} "${options}")
    endif()
  endforeach()
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections)
  target_link_options(${name} PRIVATE -static -Wl,--gc-sections)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  if(MUSL_INCLUDE_DIR AND MUSL_LIBRARY_DIR)
    link_with_musl(${name})
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/atelier)
endfunction()
