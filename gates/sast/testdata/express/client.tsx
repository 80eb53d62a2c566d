import React, { useEffect, useRef } from 'react';
import DOMPurify from 'dompurify';

interface Props {
  html: string;
  title?: string;
}

export function Article({ html, title }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current!.textContent = title ?? '';
    box.current!.innerHTML = location.hash.slice(1); // want js-dom-xss js-html-unescaped
  }, [title]);
  return (
    <section ref={box}>
      <div dangerouslySetInnerHTML={{ __html: DOMPurify.sanitize(html) }} />
      <div dangerouslySetInnerHTML={{ __html: html }} /> {/* want js-html-unescaped */}
    </section>
  );
}

const token: string = Math.random().toString(36); // want js-insecure-random
const jitter = Math.random() * 100;
window.parent.postMessage({ token, jitter }, '*'); // want js-postmessage-any
