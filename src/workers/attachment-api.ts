// What the attachment worker offers, as types: the words of a file that goes with a question. Nothing is kept.
export interface AttachmentWorker {
  /** @throws pdf_encrypted, pdf_invalid, pdf_scanned, pdf_too_hard, file_too_large, cancelled */
  pdfText(file: Blob, signal: AbortSignal): Promise<string>
}
