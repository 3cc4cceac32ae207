export const handler = async ({ city }) => {
  const response = await fetch(`${process.env.WEATHER_API}/forecast/${city}`);
  return response.json();
};
