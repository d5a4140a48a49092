addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective}`));
document.title = 'ready';
