// Numbers as the book prints them.

export const thousands = (number) => number.toLocaleString("en-US");
export const minus = (text) => text.replaceAll("-", "−");
export const short = (number, digits = 2) => {
  if (number && Math.abs(number) < 1e-5) return minus(number.toExponential(digits - 1));
  return minus(Math.abs(number) >= 1000 ? thousands(Math.round(number)) : String(Number(number.toPrecision(digits))));
};
