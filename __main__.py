from .benchmarks.commands import bench
from .cli import main

main.add_command(bench)

if __name__ == "__main__":
    main(prog_name="svcodec")
