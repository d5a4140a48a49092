// The page: the program is loaded with the first question, and kept.
let program = null;

function finger(host, user) {
  program = program || kaiwire.runGo({ wasm: 'finger.wasm' });
  return program.then((go) => new Promise((resolve, reject) => {
    go.host.finger(host, user, (text, error) => (error ? reject(new Error(error)) : resolve(text)));
  }));
}

document.getElementById('form').onsubmit = (event) => {
  event.preventDefault();
  const [user, host] = document.getElementById('query').value.split(/@(?=[^@]*$)/);
  const show = (text) => { document.getElementById('reply').textContent = text; };
  show('…');
  finger(host || 'localhost', user).then(show, (error) => show(`That did not work: ${error.message}`));
};
