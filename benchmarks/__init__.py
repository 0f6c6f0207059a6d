"""What svcodec is compared with, and how: `svcodec bench FOLDER`. Needs `pip install "svcodec[bench]"`."""
