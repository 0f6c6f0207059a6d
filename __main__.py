"""The program `svcodec`: the commands of all rooms."""

from .benchmarks.commands import bench
from .cli import main
from .training.commands import train

main.add_command(bench)
main.add_command(train)

if __name__ == "__main__":
    main(prog_name="svcodec")
