// Compile a folder's Python sources with the Python inside Pyodide.
// Arguments: Pyodide's module, the folder, the folder's path where the code will run.
import { pathToFileURL } from "node:url";

const [pyodideModule, folder, target] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(pyodideModule));
const python = await loadPyodide();
python.mountNodeFS("/folder", folder);
python.globals.set("target", target);
const compiled = python.runPython(`
import compileall, py_compile
compileall.compile_dir(
    "/folder", quiet=1, stripdir="/folder", prependdir=target,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
`);
process.exit(compiled ? 0 : 1);
