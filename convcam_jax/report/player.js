// The sound of the open recording, and the playhead over its panels.
const audio = byId("audio");
const playhead = byId("playhead");

function chosenSound(sounds, kind, threshold) {
  return kind === "original" ? sounds.original : sounds[kind][threshold];
}

// Another sound of the same recording goes on where the last one was, so that they can be compared.
function loadSound(mp3, keepPlace) {
  const place = keepPlace ? audio.currentTime : 0;
  const goOn = keepPlace && !audio.paused;
  audio.onloadedmetadata = () => {
    audio.currentTime = Math.min(place, audio.duration);
    if (goOn) audio.play();
  };
  audio.src = `data:audio/mpeg;base64,${mp3}`;
}

function movePlayhead() {
  const layout = byId("picture")._fullLayout;
  if (!layout || !layout.xaxis) return;
  const axis = layout.xaxis;
  const [from, to] = axis.range;
  const share = (audio.currentTime - from) / (to - from);
  playhead.hidden = share < 0 || share > 1;
  playhead.style.transform = `translateX(${axis._offset + share * axis._length}px)`;
  playhead.style.top = `${layout._size.t}px`;
  playhead.style.height = `${layout._size.h}px`;
}

function follow() {
  movePlayhead();
  if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
}

audio.addEventListener("play", follow);
for (const name of ["timeupdate", "seeked", "pause", "ended"]) audio.addEventListener(name, movePlayhead);
addEventListener("resize", () => requestAnimationFrame(movePlayhead));
