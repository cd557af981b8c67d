// Lines and bands as paths in SVG's words; a canvas draws them by Path2D. A point whose count is 0 makes a gap.

// A line that has a gap where no seed has a value.
export function trace(points, spot) {
  let path = "", open = false;
  points.forEach((point, k) => {
    if (point.count) path += (open ? "L" : "M") + spot(point, k);
    open = point.count > 0;
  });
  return path;
}

export function bands(points, spot) {
  let path = "", run = [];
  const close = () => {
    const edge = (name) => run.map((k) => spot(k, points[k][name]));
    if (run.length > 1) path += `M${[...edge("high"), ...edge("low").reverse()].join("L")}Z`;
    run = [];
  };
  points.forEach((point, k) => (point.count ? run.push(k) : close()));
  close();
  return path;
}
