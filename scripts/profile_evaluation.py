"""Show where an evaluation's time goes, as Markdown; see ``jvst.profiling``.

python scripts/profile_evaluation.py                            (256x192, network of half width)
python scripts/profile_evaluation.py --size 512x384 --width 1 --only layers
"""

from jvst.profiling import main

if __name__ == "__main__":
    main()
