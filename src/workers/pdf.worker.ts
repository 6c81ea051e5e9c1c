// PDF.js's own worker, as a file of this build: it reads hostile files in a thread that can be ended.
import 'pdfjs-dist/legacy/build/pdf.worker.mjs'
