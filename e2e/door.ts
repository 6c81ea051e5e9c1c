// A server behind a door that can be shut: afterwards nobody listens there any more. Bytes are carried as they are; who changes
// or loses requests is meddling-proxy.ts.
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Door {
  url: string
  shut(): Promise<void>
}

/** @param behind address of a server on this machine */
export async function openDoor(behind: string): Promise<Door> {
  const house = new URL(behind)
  const open = new Set<Socket>()
  const door: Server = createServer((visitor) => {
    const inside = connect(Number(house.port), house.hostname)
    for (const socket of [visitor, inside]) {
      open.add(socket)
      socket.on('error', () => {})
    }
    visitor.pipe(inside).pipe(visitor)
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  const { port } = door.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}${house.pathname}`,
    shut: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        door.close(() => resolve())
      }),
  }
}
