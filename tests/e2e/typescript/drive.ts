// Sends requests to the page's route handler, as Next would, and prints their statuses: a body for each argument.
import { POST } from "./app/api/designs/route";

async function main(): Promise<void> {
  const [user = "", ...bodies] = process.argv.slice(2);
  const statuses: number[] = [];
  for (const body of bodies) {
    const request = new Request("http://host/api/designs", { method: "POST", headers: { "x-user": user }, body });
    statuses.push((await POST(request, undefined)).status);
  }
  console.log(JSON.stringify(statuses));
}

void main();
